import type postgres from "postgres";
import type { StoredRule } from "./limit-rules.ts";

/** All stored rules, as of one version of them. */
export interface StoredRules {
  version: number;
  /** Of the budgets in the config file of the process that started last. */
  configHash: string;
  rules: Pick<StoredRule, "id" | "kind" | "body" | "createdAt">[];
}

/** Reads version and rules in one statement, so that they belong together. */
export async function loadLimitRules(sql: postgres.Sql): Promise<StoredRules> {
  const rows = await sql<
    {
      version: string;
      config_hash: string;
      id: string | null;
      kind: "rate" | "budget";
      body: unknown;
      created_at: string;
    }[]
  >`
    select v.version, v.config_hash, r.id, r.kind, r.body, r.created_at
    from limit_rule_version v left join limit_rule r on true order by r.created_at, r.id`;
  return {
    version: Number(rows[0]?.version ?? 0),
    configHash: rows[0]?.config_hash ?? "",
    rules: rows.flatMap(({ id, kind, body, created_at }) =>
      id === null ? [] : [{ id, kind, body, createdAt: new Date(created_at) }],
    ),
  };
}

/** Says which budgets the config file of a process that starts has; where they are others than before, the version grows. */
export async function updateConfigHash(sql: postgres.Sql, hash: string): Promise<void> {
  await sql`
    update limit_rule_version set version = version + 1, config_hash = ${hash} where config_hash <> ${hash}`;
}
