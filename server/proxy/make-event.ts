import { errorTable } from "../core/error.ts";
import { type EventId, parseEventTime } from "../core/id.ts";
import type { UsageEvent } from "../core/usage-event.ts";
import type { KnownKey } from "../keys/known-key.ts";
import type { ResolvedModel } from "../providers/model-table.ts";
import type { Admission } from "./admit.ts";
import type { ParsedInference } from "./parse.ts";

/** What an event says whose gateway died under it. */
const diedCode = "internal_error";

/**
 * The event of a call that is about to be made. As it stands it says what is charged if the end is never seen: the
 * reservation, under the status of a gateway that died. The end overwrites that.
 */
export function makeEvent(
  id: EventId,
  known: KnownKey,
  endpoint: string,
  request: ParsedInference,
  model: ResolvedModel,
  admission: Admission,
  requestTags: string,
  budgetWindows: string,
  address: string,
  origin: string | undefined,
): UsageEvent {
  const [target] = admission.targets;
  const priced = admission.targets.some((candidate) => candidate.price !== null);
  return {
    id,
    atMs: parseEventTime(id),
    publicId: known.key.publicId,
    ownerId: known.key.ownerId ?? "",
    keyTags: known.tagsJson,
    requestTags,
    model: model.name,
    provider: target?.providerName ?? "",
    endpoint,
    status: errorTable[diedCode].status,
    code: diedCode,
    stream: request.stream,
    attempts: 0,
    usageSource: "reserved",
    reservedNanoUsd: admission.reservedNanoUsd,
    costNanoUsd: priced ? admission.reservedNanoUsd : null,
    priceId: target?.price?.id ?? "",
    latencyMs: 0,
    firstTokenMs: -1,
    bytesIn: request.body.length,
    bytesOut: 0,
    clientIp: address,
    origin: origin?.slice(0, 256) ?? "",
    budgetWindows,
    inputTokens: 0,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    hourCacheWriteTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
    inputAudioTokens: 0,
    outputAudioTokens: 0,
  };
}
