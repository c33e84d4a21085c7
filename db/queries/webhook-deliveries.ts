import type postgres from "postgres";
import type { DeliveryState } from "../../server/core/webhook-schema.ts";

/** A message on its way to one webhook. */
export interface StoredDelivery {
  id: string;
  webhookId: string;
  event: string;
  body: string;
  state: DeliveryState;
  attempts: number;
  createdAt: Date;
  dueAt: Date;
  giveUpAt: Date;
  triedAt: Date | null;
  deliveredAt: Date | null;
  lastStatus: number | null;
  lastError: string | null;
}

export interface DeliveryRow {
  id: string;
  webhook_id: string;
  event: string;
  body: string;
  state: DeliveryState;
  attempts: number;
  created_at: string;
  due_at: string;
  give_up_at: string;
  tried_at: string | null;
  delivered_at: string | null;
  last_status: number | null;
  last_error: string | null;
}

export function parseDeliveryRow(row: DeliveryRow): StoredDelivery {
  return {
    id: row.id,
    webhookId: row.webhook_id,
    event: row.event,
    body: row.body,
    state: row.state,
    attempts: row.attempts,
    createdAt: new Date(row.created_at),
    dueAt: new Date(row.due_at),
    giveUpAt: new Date(row.give_up_at),
    triedAt: row.tried_at === null ? null : new Date(row.tried_at),
    deliveredAt: row.delivered_at === null ? null : new Date(row.delivered_at),
    lastStatus: row.last_status,
    lastError: row.last_error,
  };
}

export interface NewDelivery {
  id: string;
  webhookId: string;
  event: string;
  body: string;
  createdAt: Date;
  giveUpAt: Date;
}

/** Writes into the outbox, in the transaction of what is told. Webhooks that are gone get nothing. */
export async function insertDeliveries(
  tx: postgres.TransactionSql,
  deliveries: readonly NewDelivery[],
): Promise<StoredDelivery[]> {
  if (deliveries.length === 0) return [];
  const rows = await tx<DeliveryRow[]>`
    insert into webhook_delivery (id, webhook_id, event, body, created_at, due_at, give_up_at)
    select d->>'id', d->>'webhookId', d->>'event', d->>'body', (d->>'createdAt')::timestamptz,
      (d->>'createdAt')::timestamptz, (d->>'giveUpAt')::timestamptz
    from jsonb_array_elements(${JSON.stringify(deliveries)}::text::jsonb) as d
    where exists (select from webhook w where w.id = d->>'webhookId')
    returning *`;
  return rows.map(parseDeliveryRow);
}

/** Where a page begins: after this delivery, newest first. */
export interface DeliveryPosition {
  createdAt: Date;
  id: string;
}

export async function listDeliveries(
  sql: postgres.Sql,
  webhookId: string,
  state: DeliveryState | undefined,
  page: { after: DeliveryPosition | null; limit: number },
): Promise<StoredDelivery[]> {
  const { after, limit } = page;
  const rows = await sql<DeliveryRow[]>`
    select * from webhook_delivery
    where webhook_id = ${webhookId}
      ${state === undefined ? sql`` : sql`and state = ${state}`}
      ${after === null ? sql`` : sql`and (created_at, id) < (${after.createdAt.toISOString()}, ${after.id})`}
    order by created_at desc, id desc
    limit ${limit}`;
  return rows.map(parseDeliveryRow);
}

/** Reads a delivery and holds its row until the transaction ends. */
export async function findLockedDelivery(
  tx: postgres.TransactionSql,
  webhookId: string,
  id: string,
): Promise<StoredDelivery | null> {
  const [row] = await tx<DeliveryRow[]>`
    select * from webhook_delivery where webhook_id = ${webhookId} and id = ${id} for update`;
  return row === undefined ? null : parseDeliveryRow(row);
}

/** Makes all that is parked of a webhook due again, at once and for as long as new messages. @returns how many */
export async function updateParkedDeliveries(
  tx: postgres.TransactionSql,
  webhookId: string,
  times: { dueAt: Date; giveUpAt: Date },
): Promise<number> {
  const { count } = await tx`
    update webhook_delivery set state = 'pending', attempts = 0, due_at = ${times.dueAt.toISOString()},
      give_up_at = ${times.giveUpAt.toISOString()}
    where webhook_id = ${webhookId} and state = 'parked'`;
  return count;
}

/** Makes a delivery due again, at once and for as long as a new one. */
export async function updateReplayedDelivery(
  tx: postgres.TransactionSql,
  id: string,
  times: { dueAt: Date; giveUpAt: Date },
): Promise<StoredDelivery> {
  const [row] = await tx<DeliveryRow[]>`
    update webhook_delivery set state = 'pending', attempts = 0, due_at = ${times.dueAt.toISOString()},
      give_up_at = ${times.giveUpAt.toISOString()}, delivered_at = null
    where id = ${id} returning *`;
  return parseDeliveryRow(row as DeliveryRow);
}
