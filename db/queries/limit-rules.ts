import type postgres from "postgres";

export type LimitRuleKind = "rate" | "budget";

/** A rule as it is stored. */
export interface StoredRule {
  id: string;
  kind: LimitRuleKind;
  /** As the admin API takes it. */
  body: unknown;
  createdAt: Date;
  createdBy: string;
  version: number;
}

interface RuleRow {
  id: string;
  kind: LimitRuleKind;
  body: unknown;
  created_at: string;
  created_by: string;
  version: string;
}

function parseRuleRow(row: RuleRow): StoredRule {
  const { id, kind, body, created_by: createdBy } = row;
  return { id, kind, body, createdAt: new Date(row.created_at), createdBy, version: Number(row.version) };
}

/** Rules newest first; the id settles ties. */
export async function listLimitRules(
  sql: postgres.Sql | postgres.TransactionSql,
  kind: LimitRuleKind,
): Promise<StoredRule[]> {
  const rows = await sql<RuleRow[]>`
    select * from limit_rule where kind = ${kind} order by created_at desc, id desc`;
  return rows.map(parseRuleRow);
}

/** Reads a rule and holds its row until the transaction ends. */
export async function findLockedLimitRule(
  tx: postgres.TransactionSql,
  kind: LimitRuleKind,
  id: string,
): Promise<StoredRule | null> {
  const [row] = await tx<RuleRow[]>`select * from limit_rule where kind = ${kind} and id = ${id} for update`;
  return row === undefined ? null : parseRuleRow(row);
}

/** Adds a rule, unless there are `rulesMax` of its kind already: then `null`. A trigger tells all gateways. */
export async function insertLimitRule(
  tx: postgres.TransactionSql,
  rule: Pick<StoredRule, "id" | "kind" | "body" | "createdBy">,
  rulesMax: number,
): Promise<StoredRule | null> {
  // One writer at a time, which also makes the count right.
  await tx`select from limit_rule_version for update`;
  const [row] = await tx<RuleRow[]>`
    insert into limit_rule (id, kind, body, created_by)
    select ${rule.id}::text, ${rule.kind}::text, ${JSON.stringify(rule.body)}::jsonb, ${rule.createdBy}::text
    where (select count(*) from limit_rule where kind = ${rule.kind}) < ${rulesMax}
    returning *`;
  return row === undefined ? null : parseRuleRow(row);
}

export async function updateLimitRule(tx: postgres.TransactionSql, id: string, body: unknown): Promise<StoredRule> {
  const [row] = await tx<
    RuleRow[]
  >`update limit_rule set body = ${JSON.stringify(body)}::jsonb where id = ${id} returning *`;
  return parseRuleRow(row as RuleRow);
}

export async function deleteLimitRule(tx: postgres.TransactionSql, id: string): Promise<void> {
  await tx`delete from limit_rule where id = ${id}`;
}

export async function findLimitRule(sql: postgres.Sql, kind: LimitRuleKind, id: string): Promise<StoredRule | null> {
  const [row] = await sql<RuleRow[]>`select * from limit_rule where kind = ${kind} and id = ${id}`;
  return row === undefined ? null : parseRuleRow(row);
}
