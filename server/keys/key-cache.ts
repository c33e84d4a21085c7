import { LRUCache } from "lru-cache";
import type { Database } from "../../db/client.ts";
import { type FoundKey, findKeysByDigest } from "../../db/queries/find-keys-by-digest.ts";
import { isConnectionLost } from "../../db/queries/store-error.ts";
import { makeRefusal, type Refusal } from "../core/error.ts";
import { findOwnerPlan, makeEffectiveKey, type Plan } from "../core/plan.ts";
import { waitFor } from "../platform/backoff.ts";
import type { Clock } from "../platform/clock.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { KeyChannel } from "./key-channel.ts";
import { KeyLoader, KeyLoaderOverload, type Loaded } from "./key-loader.ts";
import type { KeyLookup } from "./key-lookup.ts";
import { type KnownKey, makeKnownKey } from "./known-key.ts";

/** Without a proof that every change was heard of, an entry is served at most this long after its read. */
const unprovenAgeMaxMs = 1_000;
const unknownTtlMs = 10_000;
const readTimeoutMs = 1_000;
/** After a failed read the store is not asked again for this long: a request must not wait for each time-out anew. */
const storeRestMs = 250;
/** Connections are seldom lost one by one: the pool hears of the others meanwhile, and does not try them. */
const lostConnectionPauseMs = 20;

export interface KeyCacheOptions {
  database: Database;
  clock: Clock;
  /** By name; a key of a member is cut down to its owner's plan when it is read. */
  plans: ReadonlyMap<string, Plan>;
  entriesMax: number;
  /** How long known keys are served while PostgreSQL cannot be reached. */
  graceMs: number;
  metrics: Metrics;
}

/**
 * Keys by the SHA-256 of the whole presented text. A hit costs one map look-up; an entry is served while the channel
 * proves that no change was missed, else at most a second after it was read, and past that only while PostgreSQL itself
 * is gone, for the grace time.
 */
export class KeyCache {
  readonly #options: KeyCacheOptions;
  readonly #entries: LRUCache<string, KnownKey>;
  /** Nearly always one; an array of one takes a fifth of a set's memory. */
  readonly #digestsByKey = new Map<string, readonly string[]>();
  readonly #unknown: LRUCache<string, number>;
  readonly #loader: KeyLoader<KnownKey>;
  #channel: KeyChannel | null = null;
  #lastChangeAtMs = Number.NEGATIVE_INFINITY;
  #storeRestsUntilMs = Number.NEGATIVE_INFINITY;

  constructor(options: KeyCacheOptions) {
    this.#options = options;
    this.#entries = new LRUCache({
      max: options.entriesMax,
      dispose: (entry, digest) => {
        const others = this.#digestsByKey.get(entry.key.publicId)?.filter((other) => other !== digest) ?? [];
        if (others.length === 0) this.#digestsByKey.delete(entry.key.publicId);
        else this.#digestsByKey.set(entry.key.publicId, others);
      },
    });
    this.#unknown = new LRUCache({ max: options.entriesMax });
    this.#loader = new KeyLoader(
      { read: (digests) => this.#read(digests), intervalMs: 10, batchMax: 256, waitingMax: 4_096 },
      options.clock.monotonicMs,
    );
  }

  /** Must be called once before the first look-up; until then nothing is trusted for longer than a second. */
  setChannel(channel: KeyChannel): void {
    this.#channel = channel;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Answers from memory.
   *
   * @param cacheDigest SHA-256 of the presented text, lower-case hex.
   * @returns the key, `null` for "no such key", `undefined` where memory may not decide: call {@link load}.
   */
  findHeld(cacheDigest: string): KnownKey | null | undefined {
    const nowMs = this.#options.clock.monotonicMs();
    const trusted = this.#channel !== null && nowMs < this.#channel.trustedUntilMs();
    const entry = this.#entries.get(cacheDigest);
    if (entry !== undefined) {
      if (!trusted && nowMs - entry.loadedAtMs >= unprovenAgeMaxMs) return undefined;
      this.#options.metrics.keyCacheHits++;
      return entry;
    }
    const unknownAtMs = this.#unknown.get(cacheDigest);
    if (unknownAtMs === undefined || unknownAtMs <= this.#lastChangeAtMs) return undefined;
    if (nowMs - unknownAtMs >= (trusted ? unknownTtlMs : unprovenAgeMaxMs)) return undefined;
    this.#options.metrics.keyCacheHits++;
    return null;
  }

  /**
   * Asks PostgreSQL, together with whoever else asks.
   *
   * @param lookups what the text may be stored as; all of them go in the same query.
   * @returns the key, `null` for "no such key", or a refusal (503) where it cannot be known now.
   */
  async load(lookups: readonly KeyLookup[], cacheDigest: string): Promise<KnownKey | null | Refusal> {
    const { clock, metrics } = this.#options;
    const nowMs = clock.monotonicMs();
    const stale = this.#entries.get(cacheDigest);
    metrics.keyCacheMisses++;
    if (nowMs < this.#storeRestsUntilMs) return this.#withoutStore(stale, nowMs);
    try {
      const answers = await Promise.all(lookups.map(({ digest }) => this.#loader.load(digest)));
      for (const [index, loaded] of answers.entries()) {
        if (loaded === null || lookups[index]?.accepts(loaded.value.key) !== true) continue;
        this.#remember(cacheDigest, loaded.value);
        return loaded.value;
      }
      this.#unknown.set(cacheDigest, clock.monotonicMs());
      return null;
    } catch (error) {
      if (error instanceof KeyLoaderOverload) {
        metrics.keyLookupsRefused++;
        return makeRefusal("overloaded", undefined, { retryAfterSeconds: 1 });
      }
      this.#storeRestsUntilMs = clock.monotonicMs() + storeRestMs;
      return this.#withoutStore(stale, nowMs);
    }
  }

  /** Forgets one key, or with `null` all of them. */
  forget(publicId: string | null): void {
    this.#options.metrics.keyCacheInvalidations++;
    this.#loader.noticeChange(publicId);
    // A new key may be one that was asked for before it existed: no earlier "unknown" counts any more. (Emptying the map
    // instead takes 0.1 ms, and a bulk change of 100,000 keys calls this 200,000 times.)
    this.#lastChangeAtMs = this.#options.clock.monotonicMs();
    if (publicId === null) {
      this.#entries.clear();
      this.#digestsByKey.clear();
      return;
    }
    for (const digest of this.#digestsByKey.get(publicId) ?? []) this.#entries.delete(digest);
  }

  close(): void {
    this.#loader.close();
  }

  /** PostgreSQL is not there: known keys go on within the grace time, the rest is refused as our own fault. */
  #withoutStore(stale: KnownKey | undefined, nowMs: number): KnownKey | Refusal {
    const lastContactMs = this.#channel?.lastContactMs() ?? Number.NEGATIVE_INFINITY;
    if (stale !== undefined && nowMs - lastContactMs < this.#options.graceMs) return stale;
    return makeRefusal("store_unavailable", undefined, { retryAfterSeconds: 1 });
  }

  #remember(cacheDigest: string, known: KnownKey): void {
    this.#entries.set(cacheDigest, known);
    const digests = this.#digestsByKey.get(known.key.publicId) ?? [];
    if (!digests.includes(cacheDigest)) this.#digestsByKey.set(known.key.publicId, [...digests, cacheDigest]);
  }

  async #read(digests: readonly string[]): Promise<Map<string, Loaded<KnownKey>>> {
    const { clock, metrics } = this.#options;
    metrics.keyCacheLookups++;
    const startedAtMs = clock.monotonicMs();
    const rows = await withTimeout(this.#findKeys(digests), readTimeoutMs);
    this.#channel?.noticeContact();
    const found = new Map<string, Loaded<KnownKey>>();
    for (const row of rows) {
      const secret = { digest: row.digest, retiresAt: row.secretRetiresAt, lastUsedAt: row.secretLastUsedAt };
      const plan = findOwnerPlan(this.#options.plans, row.owner);
      const key = makeEffectiveKey(row.key, row.owner, plan);
      const value = makeKnownKey(key, secret, startedAtMs, plan?.models ?? null);
      found.set(row.digest, { publicId: row.key.publicId, value });
    }
    return found;
  }

  /** A connection that is lost says nothing of PostgreSQL: it is asked again on another one. */
  async #findKeys(digests: readonly string[]): Promise<FoundKey[]> {
    const { sql } = this.#options.database;
    try {
      return await findKeysByDigest(sql, digests);
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
      await waitFor(lostConnectionPauseMs);
      return findKeysByDigest(sql, digests);
    }
  }
}

/**
 * The time is counted in steps of a tenth: a loop that was held up by its own work for a second has not heard what
 * PostgreSQL answered meanwhile, and that is no reason to refuse whoever waits.
 */
async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    let steps = 0;
    timer = setInterval(() => {
      if (++steps === 10) reject(new Error(`PostgreSQL did not answer within ${timeoutMs} ms`));
    }, timeoutMs / 10);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearInterval(timer);
    work.catch(() => undefined);
  }
}
