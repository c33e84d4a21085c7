import type { UsageEvent } from "../../server/core/usage-event.ts";

/** A call as the ledger holds it. Money is nano-USD; times are milliseconds. */
export interface StoredEvent
  extends Omit<UsageEvent, "keyTags" | "requestTags" | "firstTokenMs" | "budgetWindows" | "publicId" | "id"> {
  id: string;
  publicId: string;
  keyTags: Readonly<Record<string, string>>;
  requestTags: Readonly<Record<string, string>>;
  /** `null` where no first byte came. */
  firstTokenMs: number | null;
}

export interface UsageEventRow {
  at_ms: string;
  id: string;
  part_id: string;
  cost_nano_usd: string | null;
  reserved_nano_usd: string;
  input_tokens: string;
  cached_input_tokens: string;
  cache_write_tokens: string;
  hour_cache_write_tokens: string;
  output_tokens: string;
  reasoning_tokens: string;
  input_audio_tokens: string;
  output_audio_tokens: string;
  bytes_in: string;
  bytes_out: string;
  latency_ms: number;
  first_token_ms: number | null;
  status: number;
  attempts: number;
  stream: boolean;
  public_id: string;
  owner_id: string;
  model: string;
  provider: string;
  endpoint: string;
  code: string;
  usage_source: UsageEvent["usageSource"];
  price_id: string;
  client_ip: string;
  origin: string;
  key_tags: Record<string, string> | string | null;
  request_tags: Record<string, string> | string | null;
}

/** The columns of {@link UsageEventRow}. */
export const usageEventColumns = `floor(extract(epoch from at) * 1000) as at_ms, id, part_id, cost_nano_usd, reserved_nano_usd,
  input_tokens, cached_input_tokens, cache_write_tokens, hour_cache_write_tokens, output_tokens, reasoning_tokens, input_audio_tokens,
  output_audio_tokens, bytes_in, bytes_out, latency_ms, first_token_ms, status, attempts, stream, public_id, owner_id, model,
  provider, endpoint, code, usage_source, price_id, client_ip, origin, key_tags, request_tags`;

export function parseUsageEventRow(row: UsageEventRow): StoredEvent {
  return {
    id: row.id,
    atMs: Number(row.at_ms),
    publicId: row.public_id,
    ownerId: row.owner_id,
    keyTags: parseTags(row.key_tags),
    requestTags: parseTags(row.request_tags),
    model: row.model,
    provider: row.provider,
    endpoint: row.endpoint,
    status: row.status,
    code: row.code,
    stream: row.stream,
    attempts: row.attempts,
    usageSource: row.usage_source,
    reservedNanoUsd: BigInt(row.reserved_nano_usd),
    costNanoUsd: row.cost_nano_usd === null ? null : BigInt(row.cost_nano_usd),
    priceId: row.price_id,
    latencyMs: row.latency_ms,
    firstTokenMs: row.first_token_ms,
    bytesIn: Number(row.bytes_in),
    bytesOut: Number(row.bytes_out),
    clientIp: row.client_ip,
    origin: row.origin,
    inputTokens: Number(row.input_tokens),
    cachedInputTokens: Number(row.cached_input_tokens),
    cacheWriteTokens: Number(row.cache_write_tokens),
    hourCacheWriteTokens: Number(row.hour_cache_write_tokens),
    outputTokens: Number(row.output_tokens),
    reasoningTokens: Number(row.reasoning_tokens),
    inputAudioTokens: Number(row.input_audio_tokens),
    outputAudioTokens: Number(row.output_audio_tokens),
  };
}

function parseTags(tags: Record<string, string> | string | null): Record<string, string> {
  return typeof tags === "string" ? (JSON.parse(tags) as Record<string, string>) : (tags ?? {});
}
