import { once } from "node:events";
import { finished } from "node:stream/promises";
import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import type { RefusalBatch } from "../../server/core/refusal-count.ts";
import type { UsageEvent } from "../../server/core/usage-event.ts";
import { CopyBuffer } from "../copy-buffer.ts";
import { insertRefusals } from "./insert-refusals.ts";

const columns = [
  "part_id, at, id, cost_nano_usd, reserved_nano_usd, input_tokens, cached_input_tokens, cache_write_tokens",
  "output_tokens, reasoning_tokens, input_audio_tokens, output_audio_tokens, bytes_in, bytes_out, latency_ms",
  "first_token_ms, status, attempts, stream, public_id, owner_id, model, provider, endpoint, code, usage_source",
  "price_id, client_ip, origin, budget_windows, key_tags, request_tags",
  "hour_cache_write_tokens",
].join(", ");
const columnCount = columns.split(",").length;

/** Written at once. PostgreSQL works on one chunk while the next is made, and the event loop is never held for longer. */
const chunkEvents = 250;

/** What a batch comes to in each of its budget windows. */
async function settleBudgets(client: pg.Client, process: string, events: readonly UsageEvent[]): Promise<void> {
  const sums = new Map<string, { cost: bigint; drawn: bigint }>();
  for (const { budgetWindows, costNanoUsd, reservedNanoUsd } of events) {
    if (budgetWindows === "") continue;
    const cost = costNanoUsd ?? 0n;
    for (const window of budgetWindows.split(",")) {
      const sum = sums.get(window) ?? { cost: 0n, drawn: 0n };
      sum.cost += cost;
      sum.drawn += cost < reservedNanoUsd ? cost : reservedNanoUsd;
      sums.set(window, sum);
    }
  }
  if (sums.size === 0) return;
  const amounts = [...sums.values()];
  await client.query({
    name: "settle-budgets",
    text: "select settle_budgets($1, $2::text[], $3::bigint[], $4::bigint[])",
    values: [process, [...sums.keys()], amounts.map(({ cost }) => cost), amounts.map(({ drawn }) => drawn)],
  });
}

/** In the order of `columns`. */
function writeEvent(rows: CopyBuffer, partId: bigint, event: UsageEvent, written: WrittenTexts): void {
  rows.row(columnCount);
  rows.bigint(partId);
  rows.instant(event.atMs);
  rows.uuid(event.id);
  if (event.costNanoUsd === null) rows.null();
  else rows.bigint(event.costNanoUsd);
  rows.bigint(event.reservedNanoUsd);
  rows.integer(event.inputTokens);
  rows.integer(event.cachedInputTokens);
  rows.integer(event.cacheWriteTokens);
  rows.integer(event.outputTokens);
  rows.integer(event.reasoningTokens);
  rows.integer(event.inputAudioTokens);
  rows.integer(event.outputAudioTokens);
  rows.integer(event.bytesIn);
  rows.integer(event.bytesOut);
  rows.real(event.latencyMs);
  if (event.firstTokenMs < 0) rows.null();
  else rows.real(event.firstTokenMs);
  rows.smallint(event.status);
  rows.smallint(event.attempts);
  rows.boolean(event.stream);
  const before = written.get(event.publicId);
  if (before !== undefined && hasSameTexts(before.event, event)) rows.again(before.columns);
  else {
    const position = rows.position;
    writeTexts(rows, event);
    written.set(event.publicId, { event, columns: rows.since(position) });
  }
  rows.integer(event.hourCacheWriteTokens);
}

/** The texts of a key's last event in a batch, as they were written. */
type WrittenTexts = Map<string, { event: UsageEvent; columns: Uint8Array }>;

/** In the order of `columns`. */
function writeTexts(rows: CopyBuffer, event: UsageEvent): void {
  rows.text(event.publicId);
  rows.text(event.ownerId);
  rows.text(event.model);
  rows.text(event.provider);
  rows.text(event.endpoint);
  rows.text(event.code);
  rows.text(event.usageSource);
  rows.text(event.priceId);
  rows.text(event.clientIp);
  rows.text(event.origin);
  if (event.budgetWindows === "") rows.null();
  else rows.text(event.budgetWindows);
  writeTags(rows, event.keyTags);
  writeTags(rows, event.requestTags);
}

/**
 * Whether all that {@link writeTexts} writes is the same. Most calls of a key differ in their numbers only, and the texts are
 * most of the work of a row.
 */
function hasSameTexts(a: UsageEvent, b: UsageEvent): boolean {
  return (
    a.publicId === b.publicId &&
    a.model === b.model &&
    a.provider === b.provider &&
    a.clientIp === b.clientIp &&
    a.requestTags === b.requestTags &&
    a.code === b.code &&
    a.usageSource === b.usageSource &&
    a.endpoint === b.endpoint &&
    a.priceId === b.priceId &&
    a.origin === b.origin &&
    a.budgetWindows === b.budgetWindows &&
    a.keyTags === b.keyTags &&
    a.ownerId === b.ownerId
  );
}

function writeTags(rows: CopyBuffer, tags: string): void {
  if (tags === "") rows.null();
  else rows.jsonb(tags);
}

/**
 * Writes events that are all new, and their part row, and what was counted of refusals, in one transaction. Against `insert … on conflict do nothing` COPY
 * halves PostgreSQL's time an event (9 us against 19), but one event that is there already fails the whole batch.
 *
 * @throws the driver's error; nothing of the batch is stored then, unless the answer to COMMIT was lost.
 */
export async function copyUsageEvents(
  client: pg.Client,
  process: string,
  events: readonly UsageEvent[],
  refusals: RefusalBatch | null,
  beforeCommit: () => void,
): Promise<void> {
  const rows = new CopyBuffer();
  const written: WrittenTexts = new Map();
  // A process that is frozen in the middle must not hold the windows of budgets, which others settle too, for ever.
  await client.query("begin; set local idle_in_transaction_session_timeout = '10s'");
  try {
    const first = events.reduce((least, event) => Math.min(least, event.atMs), Number.POSITIVE_INFINITY);
    const last = events.reduce((most, event) => Math.max(most, event.atMs), 0);
    const part = await client.query<{ part_id: string }>({
      name: "insert-usage-part",
      text: `insert into usage_part (process, events, first_at, last_at)
        values ($1, $2, to_timestamp($3::float8 / 1000), to_timestamp($4::float8 / 1000)) returning part_id`,
      values: [process, events.length, first, last],
    });
    const partId = BigInt(part.rows[0]?.part_id ?? 0);
    const stream = client.query(copyFrom(`copy usage_event (${columns}) from stdin (format binary)`));
    const done = finished(stream);
    done.catch(() => undefined);
    for (let start = 0; start < events.length; start += chunkEvents) {
      for (const event of events.slice(start, start + chunkEvents)) writeEvent(rows, partId, event, written);
      const isLast = start + chunkEvents >= events.length;
      if (isLast) stream.end(rows.takeLast());
      else if (!stream.write(rows.take())) await Promise.race([once(stream, "drain"), done]);
    }
    await done;
    await settleBudgets(client, process, events);
    if (refusals !== null) await insertRefusals(client, process, refusals);
    beforeCommit();
    await client.query("commit");
  } catch (error) {
    await client.query("rollback").catch(() => undefined);
    throw error;
  }
}
