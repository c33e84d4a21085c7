import type { NanoUsd } from "../core/money.ts";
import type { RateBucket, RateLimit, RateSlots } from "../core/rate-limit.ts";

/** What a call uses, or may use at most. */
export interface RateAmounts {
  requests: number;
  inputTokens: number;
  outputTokens: number;
  cost: NanoUsd;
}

/** One limit as it stands. */
export interface RateState {
  limit: RateLimit;
  /** In units of the resource; never below 0. */
  remaining: number;
  /** Milliseconds until the whole limit is free again. */
  resetMs: number;
}

/** Why a call does not fit. */
export interface RateExcess {
  ok: false;
  /** `slots`: too many calls run at once. `store`: nobody can say what was used; never taken for "nothing". */
  reason: "limit" | "slots" | "store";
  /** The limit that it does not fit; `null` unless the reason is `limit`. */
  limit: RateLimit | null;
  /** Milliseconds until it would fit, never too few; Infinity where it is larger than the limit. */
  waitMs: number;
  states: readonly RateState[];
}

/** A call that was counted. Exactly one of the two methods is called, once; neither waits for anything. */
export interface RateGrant {
  ok: true;
  /** The limits right after this call was counted. */
  states: readonly RateState[];
  /** Puts what was used in place of what it might have used, and gives the place among the running calls back. */
  settle(used: RateAmounts): void;
  /** Takes the call back: it never began. */
  undo(): void;
}

export type RateAnswer = RateGrant | RateExcess;

/** Everything that calls are counted in, wherever the counters stand. Never throws. */
export interface RateWindows {
  /**
   * Counts a call in all of its buckets and takes its places, or does none of it. Answers at once where the counters are at
   * hand, and with a promise where a store is asked.
   *
   * @param buckets of the key and of the rules that hold for the call, each id once.
   * @param isBound the amounts are an upper bound of what it will use. A bound of tokens or cost that is larger than a limit
   * is counted as that whole limit: the call may run when nothing else was used.
   */
  reserve(
    buckets: readonly RateBucket[],
    slots: readonly RateSlots[],
    amounts: RateAmounts,
    isBound: boolean,
  ): RateAnswer | Promise<RateAnswer>;
  /** The limits as they stand; none of them where that cannot be said now. */
  list(buckets: readonly RateBucket[]): readonly RateState[] | Promise<readonly RateState[]>;
  /** Calls that run now, and counters in this process's memory; for metrics and tests. */
  readonly size: number;
  /** Gives back the places that this process still holds. */
  close(): Promise<void>;
}

/** What was used of a bucket in one step of its window, as the ledger says. */
export interface SeedStep {
  /** Milliseconds ago, of the first and the last use. */
  firstAgeMs: number;
  lastAgeMs: number;
  amount: number;
}

/**
 * Reads what was used before a counter was there. Steps come oldest first, at most 256 and one for each bucket.
 *
 * @throws where the ledger cannot be read.
 */
export type LoadSeed = (bucket: RateBucket) => Promise<readonly SeedStep[]>;
