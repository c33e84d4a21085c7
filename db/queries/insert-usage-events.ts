import type postgres from "postgres";
import type { UsageEvent } from "../../server/core/usage-event.ts";

const noPartition = "23514";

/** True where PostgreSQL said that the data itself is at fault, so that the same batch can never succeed. */
export function isRefusedData(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return code.startsWith("22") || (code.startsWith("23") && code !== noPartition);
}

type Column = [type: string, read: (event: UsageEvent) => string];

const number =
  (
    name:
      | "reservedNanoUsd"
      | "inputTokens"
      | "cachedInputTokens"
      | "cacheWriteTokens"
      | "outputTokens"
      | "reasoningTokens"
      | "inputAudioTokens"
      | "outputAudioTokens"
      | "bytesIn"
      | "bytesOut"
      | "latencyMs"
      | "status"
      | "attempts",
  ) =>
  (event: UsageEvent): string =>
    String(event[name]);
const text =
  (
    name:
      | "publicId"
      | "ownerId"
      | "model"
      | "provider"
      | "endpoint"
      | "code"
      | "usageSource"
      | "priceId"
      | "clientIp"
      | "origin"
      | "keyTags"
      | "requestTags",
  ) =>
  (event: UsageEvent): string =>
    quote(event[name]);

function quote(value: string): string {
  return `"${/["\\]/.test(value) ? value.replace(/["\\]/g, "\\$&") : value}"`;
}

/** In the order of the statement's columns, `part_id` apart. */
const columns: readonly [name: string, ...Column][] = [
  ["at", "bigint", (event) => String(event.atMs)],
  ["id", "uuid", (event) => event.id],
  ["cost_nano_usd", "bigint", (event) => (event.costNanoUsd === null ? "NULL" : String(event.costNanoUsd))],
  ["reserved_nano_usd", "bigint", number("reservedNanoUsd")],
  ["input_tokens", "bigint", number("inputTokens")],
  ["cached_input_tokens", "bigint", number("cachedInputTokens")],
  ["cache_write_tokens", "bigint", number("cacheWriteTokens")],
  ["output_tokens", "bigint", number("outputTokens")],
  ["reasoning_tokens", "bigint", number("reasoningTokens")],
  ["input_audio_tokens", "bigint", number("inputAudioTokens")],
  ["output_audio_tokens", "bigint", number("outputAudioTokens")],
  ["bytes_in", "bigint", number("bytesIn")],
  ["bytes_out", "bigint", number("bytesOut")],
  ["latency_ms", "real", number("latencyMs")],
  ["first_token_ms", "real", (event) => (event.firstTokenMs < 0 ? "NULL" : String(event.firstTokenMs))],
  ["status", "smallint", number("status")],
  ["attempts", "smallint", number("attempts")],
  ["stream", "boolean", (event) => (event.stream ? "t" : "f")],
  ["public_id", "text", text("publicId")],
  ["owner_id", "text", text("ownerId")],
  ["model", "text", text("model")],
  ["provider", "text", text("provider")],
  ["endpoint", "text", text("endpoint")],
  ["code", "text", text("code")],
  ["usage_source", "text", text("usageSource")],
  ["price_id", "text", text("priceId")],
  ["client_ip", "text", text("clientIp")],
  ["origin", "text", text("origin")],
  ["key_tags", "text", text("keyTags")],
  ["request_tags", "text", text("requestTags")],
];

const expression: Readonly<Record<string, string>> = {
  at: "timestamptz 'epoch' + e.at * interval '1 millisecond'",
  key_tags: "nullif(e.key_tags, '')::jsonb",
  request_tags: "nullif(e.request_tags, '')::jsonb",
};

const names = columns.map(([name]) => name);

/** One statement, hence one transaction: the part row and its events, or nothing. */
const statement = `
with part as (select nextval('usage_part_part_id_seq') as part_id),
inserted as (
  insert into usage_event (part_id, ${names.join(", ")})
  select part.part_id, ${names.map((name) => expression[name] ?? `e.${name}`).join(", ")}
  from part, unnest(${columns.map(([, type], index) => `$${index + 2}::${type}[]`).join(", ")}) as e(${names.join(", ")})
  order by e.at, e.id
  on conflict do nothing
  returning at
),
registered as (
  insert into usage_part (part_id, process, events, first_at, last_at)
  select part.part_id, $1::text, i.events, i.first_at, i.last_at
  from part, (select count(*)::int as events, min(at) as first_at, max(at) as last_at from inserted) i
  where i.events > 0
  returning events
)
select coalesce((select events from registered), 0) as events`;

/**
 * Writes a batch of events and its part row in one transaction. Idempotent: an event that is there already is left out,
 * so that replays and ambiguous outcomes are harmless. Creates the day's partition when it is missing.
 *
 * @returns how many events were new.
 */
export async function insertUsageEvents(
  sql: postgres.Sql,
  process: string,
  events: readonly UsageEvent[],
): Promise<number> {
  if (events.length === 0) return 0;
  const arrays = columns.map(([, , read]) => {
    let list = "{";
    for (const [index, event] of events.entries()) list += index === 0 ? read(event) : `,${read(event)}`;
    return `${list}}`;
  });
  const run = async (): Promise<number> => {
    const [row] = await sql.unsafe<{ events: number }[]>(statement, [process, ...arrays], { prepare: true });
    return row?.events ?? 0;
  };
  await openPartitions(sql, events);
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === noPartition)) throw error;
    // Retention dropped a day that a late event belongs to.
    openedDays.delete(sql);
    await openPartitions(sql, events);
    return await run();
  }
}

/** Days (since 1970, UTC) whose partition a connection has seen, so that ingest asks once a day. */
const openedDays = new WeakMap<postgres.Sql, Set<number>>();

async function openPartitions(sql: postgres.Sql, events: readonly UsageEvent[]): Promise<void> {
  const opened = openedDays.get(sql) ?? new Set();
  openedDays.set(sql, opened);
  for (const event of events) {
    const day = Math.floor(event.atMs / 86_400_000);
    if (opened.has(day)) continue;
    await sql`select open_usage_partition(date 'epoch' + ${day}::int)`;
    opened.add(day);
  }
}
