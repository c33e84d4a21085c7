import type { RateLimit } from "../core/rate-limit.ts";
import type { RateCounter } from "./rate-counter.ts";
import type { SeedStep } from "./rate-windows.ts";

/** Steps that a window is counted in. A unit that was used is given back at most one step (0.4 % of the window) late, never early. */
const stepsPerWindow = 256;

/**
 * Sum of what was used in the last `windowMs`, never too small: in no time of that length is more counted out than the
 * sum says. Uses that lie closer together than a step share an entry, which stays until its last use is out; uses further
 * apart are exact. Time is monotonic milliseconds. 256 entries at the most; a check costs 0.01 us.
 */
export class SlidingWindow implements RateCounter {
  readonly #windowMs: number;
  readonly #stepMs: number;
  /** A ring. `first` is when the entry began, `last` when it was last added to. */
  #first = new Float64Array(4);
  #last = new Float64Array(4);
  #amount = new Float64Array(4);
  #head = 0;
  #length = 0;
  #used = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
    this.#stepMs = windowMs / stepsPerWindow;
  }

  remaining(nowMs: number, { limit }: RateLimit): number {
    this.#expire(nowMs);
    return limit - this.#used;
  }

  /** @param amount 0 or more. */
  add(nowMs: number, amount: number): void {
    this.#expire(nowMs);
    this.#used += amount;
    if (this.#length > 0) {
      const newest = this.#at(this.#length - 1);
      if (nowMs - this.#read(this.#first, newest) < this.#stepMs) {
        this.#last[newest] = Math.max(nowMs, this.#read(this.#last, newest));
        this.#amount[newest] = this.#read(this.#amount, newest) + amount;
        return;
      }
    }
    if (this.#length === this.#first.length) this.#grow();
    const next = this.#at(this.#length);
    this.#first[next] = nowMs;
    this.#last[next] = nowMs;
    this.#amount[next] = amount;
    this.#length++;
  }

  /** Does nothing where that time is out already. */
  change(nowMs: number, atMs: number, delta: number): void {
    this.#expire(nowMs);
    for (let index = this.#length - 1; index >= 0; index--) {
      const slot = this.#at(index);
      if (this.#read(this.#first, slot) > atMs) continue;
      if (this.#read(this.#last, slot) < atMs) return;
      this.#amount[slot] = this.#read(this.#amount, slot) + delta;
      this.#used += delta;
      return;
    }
  }

  waitMs(nowMs: number, amount: number, { limit }: RateLimit): number {
    this.#expire(nowMs);
    if (limit <= 0 || amount > limit) return Number.POSITIVE_INFINITY;
    let excess = this.#used + amount - limit;
    if (excess <= 0) return 0;
    for (let index = 0; index < this.#length; index++) {
      const slot = this.#at(index);
      excess -= this.#read(this.#amount, slot);
      if (excess <= 0) return this.#findLeftMs(slot, nowMs);
    }
    return this.#windowMs;
  }

  resetMs(nowMs: number): number {
    this.#expire(nowMs);
    if (this.#length === 0) return 0;
    return this.#findLeftMs(this.#at(this.#length - 1), nowMs);
  }

  /** Until an entry is out. Who asks may have come before the last use was counted. */
  #findLeftMs(slot: number, nowMs: number): number {
    return Math.min(this.#windowMs, this.#read(this.#last, slot) + this.#windowMs - nowMs);
  }

  /** Only a window in which nothing was counted yet can be seeded. */
  seed(nowMs: number, steps: readonly SeedStep[]): void {
    for (const { firstAgeMs, lastAgeMs, amount } of steps) {
      this.add(nowMs - firstAgeMs, amount);
      // What shares an entry counts until the last of it is out.
      const newest = this.#at(this.#length - 1);
      this.#last[newest] = Math.max(this.#read(this.#last, newest), nowMs - lastAgeMs);
    }
  }

  #at(index: number): number {
    return (this.#head + index) % this.#first.length;
  }

  #read(values: Float64Array, slot: number): number {
    return values[slot] as number;
  }

  #expire(nowMs: number): void {
    while (this.#length > 0 && this.#read(this.#last, this.#head) + this.#windowMs <= nowMs) {
      this.#used -= this.#read(this.#amount, this.#head);
      this.#head = (this.#head + 1) % this.#first.length;
      this.#length--;
    }
    // Nothing counted is exactly nothing, whatever sums of fractions came to.
    if (this.#length === 0) this.#used = 0;
  }

  #grow(): void {
    const copy = (values: Float64Array) => {
      const larger = new Float64Array(values.length * 2);
      for (let index = 0; index < this.#length; index++) larger[index] = this.#read(values, this.#at(index));
      return larger;
    };
    const [first, last, amount] = [copy(this.#first), copy(this.#last), copy(this.#amount)];
    this.#first = first;
    this.#last = last;
    this.#amount = amount;
    this.#head = 0;
  }
}
