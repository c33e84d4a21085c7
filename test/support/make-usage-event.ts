import { randomBytes } from "node:crypto";
import type { PublicId } from "../../server/core/api-key.ts";
import { makeEventId, parseEventTime } from "../../server/core/id.ts";
import type { UsageEvent } from "../../server/core/usage-event.ts";

/** A plausible event with a fresh id, at `atMs` (milliseconds since 1970). */
export function makeUsageEvent(atMs: number, properties: Partial<UsageEvent> = {}): UsageEvent {
  const id = makeEventId(atMs, randomBytes(10), 0);
  return {
    id,
    atMs: parseEventTime(id),
    publicId: "abcdefghijkl" as PublicId,
    ownerId: "",
    keyTags: '{"customer_id":"acme \\"x\\" \\\\ corp"}',
    requestTags: "",
    model: "gpt-test",
    provider: "up",
    endpoint: "chat_completions",
    status: 200,
    code: "",
    stream: false,
    attempts: 1,
    usageSource: "reported",
    reservedNanoUsd: 5_000n,
    costNanoUsd: 1_234n,
    priceId: "config:gpt-test:1",
    latencyMs: 12.5,
    firstTokenMs: 3.25,
    bytesIn: 100,
    bytesOut: 200,
    clientIp: "127.0.0.1",
    origin: "",
    budgetWindows: "",
    inputTokens: 10,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    hourCacheWriteTokens: 0,
    outputTokens: 20,
    reasoningTokens: 0,
    inputAudioTokens: 0,
    outputAudioTokens: 0,
    ...properties,
  };
}
