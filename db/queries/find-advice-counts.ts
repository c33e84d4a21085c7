import type postgres from "postgres";
import { type KeyAdvice, keyAdvices } from "../../server/core/key-advice.ts";
import { makeAdviceCondition } from "./key-advice-condition.ts";

export type AdviceCounts = Record<KeyAdvice, number>;

/** How many keys each advice holds for; one pass over the keys. */
export async function findAdviceCounts(sql: postgres.Sql): Promise<AdviceCounts> {
  const condition = (advice: KeyAdvice) => makeAdviceCondition(sql, advice);
  const [row] = await sql<Record<KeyAdvice, string>[]>`
    select count(*) filter (where ${condition("rotate")}) as rotate,
      count(*) filter (where ${condition("unused")}) as unused,
      count(*) filter (where ${condition("origins_changed")}) as origins_changed
    from api_key`;
  return Object.fromEntries(keyAdvices.map((advice) => [advice, Number(row?.[advice] ?? 0)])) as AdviceCounts;
}
