import type postgres from "postgres";
import type { WebhookKind } from "../../server/core/webhook-schema.ts";

/** A webhook as it is stored; what is sealed stays so here. */
export interface StoredWebhook {
  id: string;
  kind: WebhookKind;
  name: string;
  targetSealed: Buffer;
  targetShown: string;
  secretSealed: Buffer | null;
  previousSecretSealed: Buffer | null;
  previousSecretUntil: Date | null;
  secretRotatedAt: Date | null;
  enabled: boolean;
  createdAt: Date;
  createdBy: string;
}

interface WebhookRow {
  id: string;
  kind: WebhookKind;
  name: string;
  target_sealed: Buffer;
  target_shown: string;
  secret_sealed: Buffer | null;
  previous_secret_sealed: Buffer | null;
  previous_secret_until: string | null;
  secret_rotated_at: string | null;
  enabled: boolean;
  created_at: string;
  created_by: string;
}

function parseWebhookRow(row: WebhookRow): StoredWebhook {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    targetSealed: row.target_sealed,
    targetShown: row.target_shown,
    secretSealed: row.secret_sealed,
    previousSecretSealed: row.previous_secret_sealed,
    previousSecretUntil: row.previous_secret_until === null ? null : new Date(row.previous_secret_until),
    secretRotatedAt: row.secret_rotated_at === null ? null : new Date(row.secret_rotated_at),
    enabled: row.enabled,
    createdAt: new Date(row.created_at),
    createdBy: row.created_by,
  };
}

/** Newest first; the id settles ties. */
export async function listWebhooks(sql: postgres.Sql): Promise<StoredWebhook[]> {
  const rows = await sql<WebhookRow[]>`select * from webhook order by created_at desc, id desc`;
  return rows.map(parseWebhookRow);
}

export async function findWebhook(sql: postgres.Sql, id: string): Promise<StoredWebhook | null> {
  const [row] = await sql<WebhookRow[]>`select * from webhook where id = ${id}`;
  return row === undefined ? null : parseWebhookRow(row);
}

/** Reads a webhook and holds its row until the transaction ends. */
export async function findLockedWebhook(tx: postgres.TransactionSql, id: string): Promise<StoredWebhook | null> {
  const [row] = await tx<WebhookRow[]>`select * from webhook where id = ${id} for update`;
  return row === undefined ? null : parseWebhookRow(row);
}

/** Of these ids, those that no webhook has. */
export async function listUnknownWebhooks(
  sql: postgres.Sql | postgres.TransactionSql,
  ids: readonly string[],
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from unnest(${[...ids]}::text[]) as id where not exists (select from webhook w where w.id = id.id)`;
  return rows.map(({ id }) => id);
}

/** Adds a webhook, unless there are `webhooksMax` already: then `null`. */
export async function insertWebhook(
  tx: postgres.TransactionSql,
  webhook: Pick<StoredWebhook, "id" | "kind" | "name" | "targetSealed" | "targetShown" | "secretSealed" | "enabled"> & {
    createdBy: string;
  },
  webhooksMax: number,
): Promise<StoredWebhook | null> {
  await tx`select pg_advisory_xact_lock(hashtext('tollgate.webhook'))`;
  const [row] = await tx<WebhookRow[]>`
    insert into webhook (id, kind, name, target_sealed, target_shown, secret_sealed, enabled, created_by)
    select ${webhook.id}::text, ${webhook.kind}::text, ${webhook.name}::text, ${webhook.targetSealed}::bytea,
      ${webhook.targetShown}::text, ${webhook.secretSealed}::bytea, ${webhook.enabled}::boolean, ${webhook.createdBy}::text
    where (select count(*) from webhook) < ${webhooksMax}
    returning *`;
  return row === undefined ? null : parseWebhookRow(row);
}

export async function updateWebhook(
  tx: postgres.TransactionSql,
  id: string,
  change: Pick<StoredWebhook, "name" | "targetSealed" | "targetShown" | "enabled">,
): Promise<StoredWebhook> {
  const [row] = await tx<WebhookRow[]>`
    update webhook set name = ${change.name}, target_sealed = ${change.targetSealed}, target_shown = ${change.targetShown},
      enabled = ${change.enabled}
    where id = ${id} returning *`;
  return parseWebhookRow(row as WebhookRow);
}

/** Puts a new secret beside the old one, which goes on counting for a while. */
export async function updateWebhookSecret(
  tx: postgres.TransactionSql,
  id: string,
  change: { secretSealed: Buffer; previousSecretSealed: Buffer | null; rotatedAt: Date; previousUntil: Date },
): Promise<StoredWebhook> {
  const [row] = await tx<WebhookRow[]>`
    update webhook set secret_sealed = ${change.secretSealed}, previous_secret_sealed = ${change.previousSecretSealed},
      previous_secret_until = ${change.previousUntil.toISOString()}, secret_rotated_at = ${change.rotatedAt.toISOString()}
    where id = ${id} returning *`;
  return parseWebhookRow(row as WebhookRow);
}

/** Replaces what is sealed by the same text under another key. */
export async function updateWebhookSeals(
  tx: postgres.TransactionSql,
  { id, targetSealed, secretSealed, previousSecretSealed }: StoredWebhook,
): Promise<void> {
  await tx`
    update webhook set target_sealed = ${targetSealed}, secret_sealed = ${secretSealed},
      previous_secret_sealed = ${previousSecretSealed}
    where id = ${id}`;
}

/** With its deliveries. */
export async function deleteWebhook(tx: postgres.TransactionSql, id: string): Promise<void> {
  await tx`delete from webhook where id = ${id}`;
}
