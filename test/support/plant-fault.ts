import type postgres from "postgres";

/**
 * Plants a fault into a function of the database: replaces a part of its text wherever it stands.
 *
 * @returns what heals it.
 * @throws where the part is not in it: a fault that was not planted cannot be found.
 */
export async function plantFault(
  sql: postgres.Sql,
  name: string,
  part: string,
  planted: string,
): Promise<() => Promise<void>> {
  const [row] = await sql<{ text: string }[]>`select pg_get_functiondef(${name}::regproc) as text`;
  const text = row?.text ?? "";
  if (!text.includes(part)) throw new Error(`${name} has no such part: ${part}`);
  await sql.unsafe(text.replaceAll(part, () => planted));
  return async () => {
    await sql.unsafe(text);
  };
}
