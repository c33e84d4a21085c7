import type { RateBucket, RateSlots } from "../core/rate-limit.ts";
import { makeRateCounter } from "./make-rate-counter.ts";
import { findAmount, findReservation } from "./rate-amount.ts";
import { findLookBackMs, type RateCounter } from "./rate-counter.ts";
import type {
  LoadSeed,
  RateAmounts,
  RateAnswer,
  RateExcess,
  RateGrant,
  RateState,
  RateWindows,
} from "./rate-windows.ts";

const sweepIntervalMs = 60_000;
const noStates: readonly RateState[] = [];

/** The answer where nobody can say what was used. */
export const unknownUse: RateExcess = { ok: false, reason: "store", limit: null, waitMs: 1_000, states: noStates };

interface CountedBucket {
  bucket: RateBucket;
  counter: RateCounter;
}

export interface MemoryWindowsOptions {
  /** Monotonic, so that no change of the clock gives anything away. */
  nowMs: () => number;
  /** Reads what was used before; `null`: nothing was. */
  loadSeed: LoadSeed | null;
  /**
   * How many processes count for themselves, each what it lets through itself: every use then counts that many times, so that
   * all of them together stay within the limit, and what the ledger says counts once.
   */
  processes?: () => number;
  /** What counts of a bucket from the beginning beside the ledger. */
  findHeld?: (bucket: RateBucket) => number;
  /** How many calls hold a place, where more than this object's do. */
  countRunning?: (slotsId: string) => number;
}

/**
 * Counters in this process's memory. A bucket that is not there yet and reaches back before this object was made is filled
 * from the ledger first; the call then waits for one query. All others are answered at once (reserve and settle 1.6 us with
 * one limit).
 */
export class MemoryWindows implements RateWindows {
  readonly #options: MemoryWindowsOptions;
  readonly #madeAtMs: number;
  readonly #counters = new Map<string, CountedBucket>();
  readonly #running = new Map<string, number>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(options: MemoryWindowsOptions) {
    this.#options = options;
    this.#madeAtMs = options.nowMs();
    this.#sweeper = setInterval(() => this.#sweep(), sweepIntervalMs);
    this.#sweeper.unref();
  }

  get size(): number {
    return this.#counters.size + this.#running.size;
  }

  reserve(
    buckets: readonly RateBucket[],
    slots: readonly RateSlots[],
    amounts: RateAmounts,
    isBound: boolean,
  ): RateAnswer | Promise<RateAnswer> {
    const nowMs = this.#options.nowMs();
    if (buckets.some((bucket) => this.#isUnknown(bucket, nowMs))) {
      return this.#seed(buckets).then((known) => (known ? this.reserve(buckets, slots, amounts, isBound) : unknownUse));
    }
    const processes = this.#options.processes?.() ?? 1;
    const counters = buckets.map((bucket) => this.#load(bucket, nowMs));
    const excess =
      this.#findSlotExcess(slots, processes) ?? findExcess(buckets, counters, amounts, isBound, processes, nowMs);
    if (excess !== null) return { ...excess, states: makeStates(buckets, counters, nowMs) };
    const reserved = buckets.map(({ limit }) => findReservation(limit, amounts, isBound, processes));
    for (const [index, counter] of counters.entries()) {
      counter.add(nowMs, reserved[index] as number, (buckets[index] as RateBucket).limit);
    }
    for (const { id } of slots) this.#running.set(id, (this.#running.get(id) ?? 0) + 1);
    let isOver = false;
    const correct = (find: (bucket: RateBucket) => number): void => {
      if (isOver) throw new Error("a rate grant was ended twice");
      isOver = true;
      for (const { id } of slots) this.#leave(id);
      const laterMs = this.#options.nowMs();
      for (const [index, bucket] of buckets.entries()) {
        const delta = find(bucket) * processes - (reserved[index] as number);
        if (delta !== 0) counters[index]?.change(laterMs, nowMs, delta, bucket.limit);
      }
    };
    return {
      ok: true,
      states: makeStates(buckets, counters, nowMs),
      settle: (used) => correct(({ limit }) => findAmount(limit, used)),
      undo: () => correct(() => 0),
    } satisfies RateGrant;
  }

  list(buckets: readonly RateBucket[]): readonly RateState[] | Promise<readonly RateState[]> {
    const nowMs = this.#options.nowMs();
    if (buckets.some((bucket) => this.#isUnknown(bucket, nowMs))) {
      return this.#seed(buckets).then((known) => (known ? this.list(buckets) : noStates));
    }
    const counters = buckets.map((bucket) => this.#load(bucket, nowMs));
    return makeStates(buckets, counters, nowMs);
  }

  close(): Promise<void> {
    clearInterval(this.#sweeper);
    return Promise.resolve();
  }

  /** Whether uses may count of which only the ledger knows. */
  #isUnknown(bucket: RateBucket, nowMs: number): boolean {
    if (this.#counters.has(bucket.id) || this.#options.loadSeed === null) return false;
    return nowMs - this.#madeAtMs < findLookBackMs(bucket.limit);
  }

  /** @returns false where the ledger cannot be read. */
  async #seed(buckets: readonly RateBucket[]): Promise<boolean> {
    const { loadSeed, nowMs, findHeld } = this.#options;
    if (loadSeed === null) return true;
    const unknown = buckets.filter((bucket) => this.#isUnknown(bucket, nowMs()));
    let seeds: Awaited<ReturnType<LoadSeed>>[];
    try {
      seeds = await Promise.all(unknown.map((bucket) => loadSeed(bucket)));
    } catch {
      return false;
    }
    const laterMs = nowMs();
    for (const [index, bucket] of unknown.entries()) {
      // Several calls may have waited for the same seed.
      if (this.#counters.has(bucket.id)) continue;
      const counter = makeRateCounter(bucket.limit, laterMs);
      counter.seed(laterMs, seeds[index] ?? [], bucket.limit);
      const held = findHeld?.(bucket) ?? 0;
      if (held > 0) counter.add(laterMs, held, bucket.limit);
      this.#counters.set(bucket.id, { bucket, counter });
    }
    return true;
  }

  #load(bucket: RateBucket, nowMs: number): RateCounter {
    const known = this.#counters.get(bucket.id);
    if (known !== undefined) return known.counter;
    const counter = makeRateCounter(bucket.limit, nowMs);
    this.#counters.set(bucket.id, { bucket, counter });
    return counter;
  }

  #findSlotExcess(slots: readonly RateSlots[], processes: number): Omit<RateExcess, "states"> | null {
    const full = slots.some(({ id, max }) => (this.#countRunning(id) + 1) * processes > max);
    return full ? { ok: false, reason: "slots", limit: null, waitMs: 0 } : null;
  }

  #countRunning(id: string): number {
    return this.#options.countRunning?.(id) ?? this.#running.get(id) ?? 0;
  }

  #leave(id: string): void {
    const running = (this.#running.get(id) ?? 0) - 1;
    if (running > 0) this.#running.set(id, running);
    else this.#running.delete(id);
  }

  /** Forgets counters in which nothing counts any more. */
  #sweep(): void {
    const nowMs = this.#options.nowMs();
    for (const [id, { bucket, counter }] of this.#counters) {
      if (counter.resetMs(nowMs, bucket.limit) === 0) this.#counters.delete(id);
    }
  }
}

/** The limit that has to be waited for the longest. */
function findExcess(
  buckets: readonly RateBucket[],
  counters: readonly RateCounter[],
  amounts: RateAmounts,
  isBound: boolean,
  processes: number,
  nowMs: number,
): Omit<RateExcess, "states"> | null {
  let excess: Omit<RateExcess, "states"> | null = null;
  for (const [index, { limit }] of buckets.entries()) {
    const amount = findReservation(limit, amounts, isBound, processes);
    const waitMs = counters[index]?.waitMs(nowMs, amount, limit) ?? 0;
    if (waitMs > 0 && (excess === null || waitMs > excess.waitMs))
      excess = { ok: false, reason: "limit", limit, waitMs };
  }
  return excess;
}

function makeStates(buckets: readonly RateBucket[], counters: readonly RateCounter[], nowMs: number): RateState[] {
  return buckets.map(({ limit }, index) => {
    const counter = counters[index] as RateCounter;
    return {
      limit,
      remaining: Math.max(0, counter.remaining(nowMs, limit)),
      resetMs: counter.resetMs(nowMs, limit),
    };
  });
}
