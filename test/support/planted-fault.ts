import type postgres from "postgres";

/**
 * Breaks a function of a test's database, so that a check can show that it sees the fault.
 *
 * @param from a text that stands in it, as a whole; @param to what stands there then.
 * @throws where `from` does not stand in it: the fault would not be planted.
 */
export async function plantFault(sql: postgres.Sql, name: string, from: string, to: string): Promise<void> {
  const [row] = await sql<{ text: string }[]>`
    select pg_get_functiondef(oid) as text from pg_proc where proname = ${name} and pronamespace = 'public'::regnamespace`;
  const text = row?.text ?? "";
  if (!text.includes(from)) throw new Error(`${name} does not hold: ${from}`);
  await sql.unsafe(text.replaceAll(from, () => to));
}
