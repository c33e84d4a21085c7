import type { StoredEvent } from "../../../db/queries/usage-event-row.ts";
import type { UsageFilter } from "../../../db/queries/usage-filter.ts";
import type { EventView } from "../../core/event-schema.ts";
import { formatUsd } from "../../core/money.ts";
import type { QueryUsageInput, usageFilterShape } from "../../core/usage-question.ts";

/** The fields of an input that are its filter. */
export function makeEventFilter(input: Pick<QueryUsageInput, keyof typeof usageFilterShape>): UsageFilter {
  const { public_id: publicId, owner_id: ownerId, tag: tags, ...same } = input;
  return { ...same, publicId, ownerId, tags };
}

/** An event on the wire. */
export function makeEventView(event: StoredEvent): EventView {
  return {
    id: event.id,
    at: new Date(event.atMs).toISOString(),
    public_id: event.publicId,
    owner_id: event.ownerId === "" ? null : event.ownerId,
    key_tags: event.keyTags,
    request_tags: event.requestTags,
    model: event.model,
    provider: event.provider,
    endpoint: event.endpoint,
    status: event.status,
    code: event.code === "" ? null : event.code,
    stream: event.stream,
    attempts: event.attempts,
    usage_source: event.usageSource,
    input_tokens: event.inputTokens,
    cached_input_tokens: event.cachedInputTokens,
    cache_write_tokens: event.cacheWriteTokens,
    hour_cache_write_tokens: event.hourCacheWriteTokens,
    output_tokens: event.outputTokens,
    reasoning_tokens: event.reasoningTokens,
    input_audio_tokens: event.inputAudioTokens,
    output_audio_tokens: event.outputAudioTokens,
    cost_usd: event.costNanoUsd === null ? null : formatUsd(event.costNanoUsd),
    reserved_usd: formatUsd(event.reservedNanoUsd),
    price_id: event.priceId,
    latency_ms: event.latencyMs,
    first_token_ms: event.firstTokenMs,
    bytes_in: event.bytesIn,
    bytes_out: event.bytesOut,
    client_ip: event.clientIp,
    origin: event.origin === "" ? null : event.origin,
  };
}
