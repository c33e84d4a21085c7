import type postgres from "postgres";

/**
 * A free alias among the owner's live keys: `base`, else `base-N` with an N above all that are taken. Somebody may take
 * it before it is inserted; then ask again.
 *
 * @param base `[a-z0-9-]` only, short enough to take the number.
 */
export async function findFreeAlias(sql: postgres.Sql, ownerId: string | null, base: string): Promise<string> {
  const [row] = await sql<{ taken: boolean; highest: number }[]>`
    select coalesce(bool_or(alias = ${base}), false) as taken,
      coalesce(max(substring(alias from ${`^${base}-([1-9][0-9]{0,6})$`})::int), 1) as highest
    from api_key
    where state in ('active', 'disabled') and coalesce(owner_id, '') = coalesce(${ownerId}::text, '')
      and (alias = ${base} or alias ~ ${`^${base}-[1-9][0-9]{0,6}$`})`;
  return row?.taken === true ? `${base}-${row.highest + 1}` : base;
}
