import type postgres from "postgres";

export interface StoredAlertRule {
  id: string;
  /** As `alertBody` has it. */
  body: unknown;
  createdAt: Date;
  createdBy: string;
}

interface RuleRow {
  id: string;
  body: unknown;
  created_at: string;
  created_by: string;
}

function parseRow({ id, body, created_at, created_by }: RuleRow): StoredAlertRule {
  return { id, body, createdAt: new Date(created_at), createdBy: created_by };
}

/** Newest first; the id settles ties. */
export async function listAlertRules(sql: postgres.Sql): Promise<StoredAlertRule[]> {
  return (await sql<RuleRow[]>`select * from alert_rule order by created_at desc, id desc`).map(parseRow);
}

export async function findAlertRule(sql: postgres.Sql, id: string): Promise<StoredAlertRule | null> {
  const [row] = await sql<RuleRow[]>`select * from alert_rule where id = ${id}`;
  return row === undefined ? null : parseRow(row);
}

/** Reads a rule and holds its row until the transaction ends. */
export async function findLockedAlertRule(tx: postgres.TransactionSql, id: string): Promise<StoredAlertRule | null> {
  const [row] = await tx<RuleRow[]>`select * from alert_rule where id = ${id} for update`;
  return row === undefined ? null : parseRow(row);
}

/** Adds a rule, unless there are `rulesMax` already: then `null`. */
export async function insertAlertRule(
  tx: postgres.TransactionSql,
  rule: Pick<StoredAlertRule, "id" | "body" | "createdBy">,
  rulesMax: number,
): Promise<StoredAlertRule | null> {
  await tx`select pg_advisory_xact_lock(hashtext('tollgate.alert_rule'))`;
  const [row] = await tx<RuleRow[]>`
    insert into alert_rule (id, body, created_by)
    select ${rule.id}::text, ${JSON.stringify(rule.body)}::text::jsonb, ${rule.createdBy}::text
    where (select count(*) from alert_rule) < ${rulesMax}
    returning *`;
  return row === undefined ? null : parseRow(row);
}

export async function updateAlertRule(
  tx: postgres.TransactionSql,
  id: string,
  body: unknown,
): Promise<StoredAlertRule> {
  const [row] = await tx<RuleRow[]>`
    update alert_rule set body = ${JSON.stringify(body)}::text::jsonb where id = ${id} returning *`;
  return parseRow(row as RuleRow);
}

/** With its incidents. */
export async function deleteAlertRule(tx: postgres.TransactionSql, id: string): Promise<void> {
  await tx`delete from alert_rule where id = ${id}`;
}
