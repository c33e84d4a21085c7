import type { PublicId } from "../../server/core/api-key.ts";
import { makeEventId } from "../../server/core/id.ts";
import type { UsageEvent } from "../../server/core/usage-event.ts";
import { makeSeededRandom, type SeededRandom } from "../../test/support/seeded-random.ts";

export interface SeedShape {
  /** The same seed makes the same events, ids included. */
  seed: number;
  events: number;
  keys: number;
  models: number;
  days: number;
  /** The first day's midnight UTC, milliseconds since 1970. */
  firstDayMs: number;
}

const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** How busy each hour of a day is, UTC. */
const hourWeights = [2, 1, 1, 1, 1, 2, 3, 5, 8, 10, 10, 10, 9, 10, 10, 10, 9, 8, 6, 5, 4, 3, 3, 2];
const endings: readonly (readonly [share: number, status: number, code: string])[] = [
  [0.96, 200, ""],
  [0.975, 429, "upstream_rate_limited"],
  [0.985, 502, "upstream_error"],
  [0.992, 499, "client_closed_request"],
  [1, 400, "upstream_refused"],
];

/**
 * Events as a gateway would have written them, in the order of time: few keys make most of the calls (the k-th busiest one
 * 1/k of the busiest), each has a model of its own for most of them, nights are quiet, some calls fail, stream, or have no price.
 */
export function* makeSeedEvents(shape: SeedShape): Generator<UsageEvent> {
  const random = makeSeededRandom(shape.seed);
  const findKey = makeWeighted(Array.from({ length: shape.keys }, (_, index) => 1 / (index + 1)));
  const findHour = makeWeighted(hourWeights);
  const bytes = new Uint8Array(10);
  const perDay = Math.ceil(shape.events / shape.days);
  let left = shape.events;
  for (let day = 0; day < shape.days; day++) {
    const times = Array.from({ length: Math.min(perDay, left) }, () =>
      Math.floor(shape.firstDayMs + day * dayMs + (findHour(random.next()) + random.next()) * hourMs),
    ).sort((a, b) => a - b);
    left -= times.length;
    for (const atMs of times) {
      for (let index = 0; index < 10; index++) bytes[index] = random.integer(256);
      yield makeSeedEvent(shape, random, findKey(random.next()), makeEventId(atMs, bytes, 0), atMs);
    }
  }
}

function makeSeedEvent(
  shape: SeedShape,
  random: SeededRandom,
  key: number,
  id: UsageEvent["id"],
  atMs: number,
): UsageEvent {
  const model = findModel(random, key, shape.models);
  const chance = random.next();
  const [, status, code] = endings.find(([share]) => chance < share) ?? [1, 200, ""];
  const isEmbedding = model % 5 === 4;
  const stream = !isEmbedding && random.next() < 0.6;
  const inputTokens = 20 + Math.floor(2_000 * random.next() ** 3);
  const outputTokens = status === 200 && !isEmbedding ? 1 + Math.floor(800 * random.next() ** 2) : 0;
  const latencyMs = Math.round(1_000 * Math.exp(4.5 + 1.6 * findNormal(random))) / 1_000;
  const costNanoUsd = random.next() < 0.01 ? null : BigInt(inputTokens * 250 + outputTokens * 2_000);
  return {
    id,
    atMs,
    publicId: `seed${key.toString(36).padStart(8, "0")}` as PublicId,
    ownerId: key % 10 === 0 ? "" : `owner-${key % 40}`,
    keyTags: key % 3 === 0 ? "" : `{"customer_id": "customer-${key % 50}", "team": "team-${key % 7}"}`,
    requestTags: "",
    model: `provider-${model % 3}::model-${model}`,
    provider: `provider-${model % 3}`,
    endpoint: isEmbedding ? "embeddings" : "chat_completions",
    status,
    code,
    stream,
    attempts: 1,
    usageSource: random.next() < 0.02 ? "estimated" : "reported",
    reservedNanoUsd: 5_000_000n,
    costNanoUsd,
    priceId: costNanoUsd === null ? "" : `seed:model-${model}`,
    latencyMs,
    firstTokenMs: stream && status === 200 ? Math.round(latencyMs * 300 * (0.5 + random.next())) / 1_000 : -1,
    bytesIn: inputTokens * 4,
    bytesOut: outputTokens * 5 + 200,
    clientIp: `10.${key % 250}.0.1`,
    origin: key % 20 === 19 ? `https://app-${key % 60}.example` : "",
    budgetWindows: "",
    inputTokens,
    cachedInputTokens: random.next() < 0.2 ? Math.floor(1_500 * random.next()) : 0,
    cacheWriteTokens: 0,
    hourCacheWriteTokens: 0,
    outputTokens,
    reasoningTokens: model % 4 === 0 ? Math.floor(400 * random.next()) : 0,
    inputAudioTokens: 0,
    outputAudioTokens: 0,
  };
}

/** Its own model for three calls of four, its second for most others, now and then any. */
function findModel(random: SeededRandom, key: number, models: number): number {
  const chance = random.next();
  if (chance < 0.75) return key % models;
  return chance < 0.93 ? (key * 7 + 3) % models : random.integer(models);
}

/** Box and Muller's. */
function findNormal(random: SeededRandom): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** From a number in [0, 1) to the index of a weight, by the weights. */
function makeWeighted(weights: readonly number[]): (chance: number) => number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  const ends = weights.map((weight) => (sum += weight / total));
  return (chance) => {
    let low = 0;
    let high = ends.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (chance < (ends[middle] ?? 1)) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
