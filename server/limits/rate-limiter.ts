import { makeNanoCount, type NanoUsd } from "../core/money.ts";
import type { KeyLimits, RateLimit } from "../core/rate-limit.ts";
import { SlidingWindow } from "./sliding-window.ts";

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
  /** `null`: too many calls run at once. */
  limit: RateLimit | null;
  /** Milliseconds until it would fit, never too few; Infinity where it is larger than the limit. */
  waitMs: number;
  states: readonly RateState[];
}

/** A call that was counted. Exactly one of the two methods is called, once. */
export interface RateGrant {
  ok: true;
  /** The limits right after this call was counted. */
  states: readonly RateState[];
  /** Puts what was used in place of what it might have used, and gives the place among the running calls back. */
  settle(used: RateAmounts): void;
  /** Takes the call back: it never began. */
  undo(): void;
}

const sweepIntervalMs = 60_000;

function findAmount(limit: RateLimit, amounts: RateAmounts): number {
  switch (limit.resource) {
    case "model_inferences":
    case "requests":
      return amounts.requests;
    case "tokens":
      return amounts.inputTokens + amounts.outputTokens;
    case "input_tokens":
      return amounts.inputTokens;
    case "output_tokens":
      return amounts.outputTokens;
    case "cost":
      return makeNanoCount(amounts.cost);
  }
}

function makeState(limit: RateLimit, window: SlidingWindow, nowMs: number): RateState {
  return { limit, remaining: Math.max(0, limit.limit - window.used(nowMs)), resetMs: window.emptyInMs(nowMs) };
}

/**
 * Rate limits in this process's memory. Each is an exact sliding window (see {@link SlidingWindow}); a call is counted in
 * all of its limits or in none. Time is monotonic milliseconds, so that no change of the clock gives anything away.
 */
export class RateLimiter {
  readonly #nowMs: () => number;
  readonly #windows = new Map<string, SlidingWindow>();
  readonly #running = new Map<string, number>();
  readonly #sweeper: NodeJS.Timeout;

  /** @param nowMs monotonic. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#sweeper = setInterval(() => this.#sweep(), sweepIntervalMs);
    this.#sweeper.unref();
  }

  /** Windows and running counts in memory. */
  get size(): number {
    return this.#windows.size + this.#running.size;
  }

  /**
   * Counts a call.
   *
   * @param scope whose limits they are; the same scope and name is the same window.
   * @param isBound the amounts are an upper bound of what it will use. A bound that is larger than a limit of tokens or cost
   * is counted as that whole limit: the call may run when nothing else was used.
   */
  reserve(scope: string, limits: KeyLimits, amounts: RateAmounts, isBound: boolean): RateGrant | RateExcess {
    const nowMs = this.#nowMs();
    const running = this.#running.get(scope) ?? 0;
    if (limits.concurrentMax !== null && running >= limits.concurrentMax) {
      return { ok: false, limit: null, waitMs: 0, states: this.list(scope, limits) };
    }
    const parts = limits.rates.map((limit) => {
      const amount = findAmount(limit, amounts);
      return {
        limit,
        window: this.#load(scope, limit),
        amount: isBound ? Math.min(amount, Math.max(limit.limit, 1)) : amount,
      };
    });
    let excess: { limit: RateLimit; waitMs: number } | null = null;
    for (const { limit, window, amount } of parts) {
      const waitMs = window.waitMs(nowMs, amount, limit.limit);
      if (waitMs > 0 && (excess === null || waitMs > excess.waitMs)) excess = { limit, waitMs };
    }
    const listStates = () => parts.map(({ limit, window }) => makeState(limit, window, nowMs));
    if (excess !== null) return { ok: false, ...excess, states: listStates() };
    for (const { window, amount } of parts) window.add(nowMs, amount);
    if (limits.concurrentMax !== null) this.#running.set(scope, running + 1);
    const correct = (find: (part: (typeof parts)[number]) => number): void => {
      if (limits.concurrentMax !== null) this.#leave(scope);
      const laterMs = this.#nowMs();
      for (const part of parts) part.window.change(laterMs, nowMs, find(part) - part.amount);
    };
    return {
      ok: true,
      states: listStates(),
      settle: (used) => correct(({ limit }) => findAmount(limit, used)),
      undo: () => correct(() => 0),
    };
  }

  /** The limits as they stand. */
  list(scope: string, { rates }: KeyLimits): RateState[] {
    const nowMs = this.#nowMs();
    return rates.map((limit) => makeState(limit, this.#load(scope, limit), nowMs));
  }

  close(): void {
    clearInterval(this.#sweeper);
  }

  #load(scope: string, limit: RateLimit): SlidingWindow {
    const name = `${scope} ${limit.name}`;
    let window = this.#windows.get(name);
    if (window === undefined) {
      window = new SlidingWindow(limit.windowMs);
      this.#windows.set(name, window);
    }
    return window;
  }

  #leave(scope: string): void {
    const running = (this.#running.get(scope) ?? 0) - 1;
    if (running > 0) this.#running.set(scope, running);
    else this.#running.delete(scope);
  }

  /** Forgets windows that nothing counts in any more. */
  #sweep(): void {
    const nowMs = this.#nowMs();
    for (const [name, window] of this.#windows) {
      if (window.emptyInMs(nowMs) === 0) this.#windows.delete(name);
    }
  }
}
