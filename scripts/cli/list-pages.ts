/** The most that the admin API gives in one page. */
const pageMax = 200;

/**
 * Collects the pages of a list.
 *
 * @param limit rows in all.
 * @param load loads one page: at most `limit` rows, after `cursor` where it is given.
 * @returns `more`: whether the list goes on.
 */
export async function listPages<Row>(
  limit: number,
  load: (page: { cursor?: string; limit: number }) => Promise<{ rows: readonly Row[]; next: string | null }>,
): Promise<{ rows: Row[]; more: boolean }> {
  const rows: Row[] = [];
  let cursor: string | null = null;
  do {
    const page: { rows: readonly Row[]; next: string | null } = await load({
      ...(cursor === null ? {} : { cursor }),
      limit: Math.min(pageMax, limit - rows.length),
    });
    rows.push(...page.rows);
    cursor = page.next;
  } while (cursor !== null && rows.length < limit);
  return { rows, more: cursor !== null };
}
