import type { RateBucket, RateSlots } from "../core/rate-limit.ts";

/** A call of this process that counts somewhere. */
export interface HeldUse {
  readonly buckets: readonly RateBucket[];
  readonly slots: readonly RateSlots[];
  /** Names it among those that hold a place. */
  readonly name: string;
  /** What it counts for in each bucket: what is reserved, and what was used once it has ended. */
  amounts: readonly number[];
  /** Where and when Redis counted it; `""`: it did not. */
  epoch: string;
  atUs: number;
  /** Monotonic milliseconds; `null`: it runs. */
  endedAtMs: number | null;
  /** Where it stands in the list. */
  place: number;
}

/** An ended call is in the ledger after this time: six times the default interval of the flusher. */
const ledgerLagMs = 3_000;

/**
 * The calls of this process of which the ledger may not know yet: those that run, and those that ended a moment ago. When
 * counters are lost they are what the ledger's seed lacks.
 */
export class HeldUses {
  /** A list with gaps, not a Set: see `OpenCalls`. */
  readonly #running: (HeldUse | null)[] = [];
  readonly #free: number[] = [];
  #ended: HeldUse[] = [];
  readonly #slots = new Map<string, number>();

  get runningCount(): number {
    return this.#running.length - this.#free.length;
  }

  add(use: HeldUse): void {
    const place = this.#free.pop() ?? this.#running.length;
    this.#running[place] = use;
    use.place = place;
    for (const { id } of use.slots) this.#slots.set(id, this.countRunning(id) + 1);
  }

  end(use: HeldUse, amounts: readonly number[], nowMs: number): void {
    const { place } = use;
    if (this.#running[place] !== use) throw new Error("a rate grant was ended twice");
    this.#running[place] = null;
    this.#free.push(place);
    use.amounts = amounts;
    use.endedAtMs = nowMs;
    this.#ended.push(use);
    for (const { id } of use.slots) {
      const running = this.countRunning(id) - 1;
      if (running > 0) this.#slots.set(id, running);
      else this.#slots.delete(id);
    }
  }

  /** How many hold a place of this name. */
  countRunning(slotsId: string): number {
    return this.#slots.get(slotsId) ?? 0;
  }

  listRunning(): HeldUse[] {
    return this.#running.filter((use) => use !== null);
  }

  list(): HeldUse[] {
    return [...this.listRunning(), ...this.#ended];
  }

  /** What counts in a bucket. */
  sum(bucketId: string): number {
    let sum = 0;
    for (const { buckets, amounts } of this.list()) {
      for (const [index, { id }] of buckets.entries()) if (id === bucketId) sum += amounts[index] ?? 0;
    }
    return sum;
  }

  /** Forgets what the ledger has by now. */
  deleteOld(nowMs: number): void {
    const kept = this.#ended.findIndex(({ endedAtMs }) => (endedAtMs ?? nowMs) > nowMs - ledgerLagMs);
    this.#ended = kept === -1 ? [] : this.#ended.slice(kept);
  }
}
