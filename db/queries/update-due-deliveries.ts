import type postgres from "postgres";
import { type DeliveryRow, parseDeliveryRow, type StoredDelivery } from "./webhook-deliveries.ts";

export interface DueQuestion {
  now: Date;
  /** Until then nobody else takes them. A process that dies meanwhile leaves them to the next. */
  heldUntil: Date;
  rowsMax: number;
  /** So that a receiver that is away does not keep the others waiting. */
  perWebhookMax: number;
}

/**
 * Takes messages that are due, the oldest first, and counts the try: what is taken twice because a process died is sent twice,
 * with the same id. Two at once take different ones.
 */
export async function updateDueDeliveries(sql: postgres.Sql, question: DueQuestion): Promise<StoredDelivery[]> {
  const now = question.now.toISOString();
  const rows = await sql<DeliveryRow[]>`
    with due as (
      select d.id from webhook_delivery d
      where d.id in (
        select ranked.id from (
          select w.id, row_number() over (partition by w.webhook_id order by w.due_at, w.id) as place
          from webhook_delivery w join webhook h on h.id = w.webhook_id
          where w.state = 'pending' and w.due_at <= ${now} and h.enabled
        ) as ranked where ranked.place <= ${question.perWebhookMax}
      ) and d.state = 'pending' and d.due_at <= ${now}
      order by d.due_at, d.id
      limit ${question.rowsMax}
      for update skip locked
    )
    update webhook_delivery t set attempts = t.attempts + 1, tried_at = ${now}, due_at = ${question.heldUntil.toISOString()}
    from due where t.id = due.id
    returning t.*`;
  return rows.map(parseDeliveryRow);
}

/** How a try ended. Nothing where the message was replayed or tried by somebody else meanwhile. */
export interface DeliveryOutcome {
  id: string;
  /** Of this try. */
  attempts: number;
  status: number | null;
  error: string | null;
}

export async function updateDelivered(sql: postgres.Sql, outcome: DeliveryOutcome, at: Date): Promise<void> {
  await sql`
    update webhook_delivery set state = 'delivered', delivered_at = ${at.toISOString()}, last_status = ${outcome.status},
      last_error = null
    where id = ${outcome.id} and state = 'pending' and attempts = ${outcome.attempts}`;
}

/** @param nextAt `null`: it is parked. */
export async function updateFailed(sql: postgres.Sql, outcome: DeliveryOutcome, nextAt: Date | null): Promise<void> {
  await sql`
    update webhook_delivery set state = ${nextAt === null ? "parked" : "pending"},
      due_at = coalesce(${nextAt?.toISOString() ?? null}::timestamptz, due_at), last_status = ${outcome.status},
      last_error = ${outcome.error}
    where id = ${outcome.id} and state = 'pending' and attempts = ${outcome.attempts}`;
}

/** Deletes messages that are done with and older than that, at most `rowsMax`. @returns how many. */
export async function deleteOldDeliveries(sql: postgres.Sql, before: Date, rowsMax: number): Promise<number> {
  const rows = await sql`
    delete from webhook_delivery where id in (
      select id from webhook_delivery where state <> 'pending' and created_at < ${before.toISOString()}
      limit ${rowsMax} for update skip locked
    ) returning id`;
  return rows.length;
}
