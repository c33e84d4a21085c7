import type { BudgetHold, BudgetShortage } from "./budget-hold.ts";
import type { BudgetLease } from "./budget-lease.ts";

/** A call that must be asked for. It takes at most `wanted`, and rather `least` than nothing. */
export interface BudgetWaiter {
  leases: readonly BudgetLease[];
  least: bigint;
  wanted: bigint;
  sinceMs: number;
  attempts: number;
  resolve(outcome: BudgetHold | BudgetShortage): void;
}

/** Waiters of the same windows, the oldest first: they are asked for together. */
export interface WaiterGroup {
  leases: readonly BudgetLease[];
  waiters: BudgetWaiter[];
}

/** Windows in one statement: 10 ms of PostgreSQL. */
const windowsMax = 256;

/** Calls that wait for leases, in the order in which they came. */
export class BudgetWaiters {
  #waiting: BudgetWaiter[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  add(waiter: BudgetWaiter): void {
    this.#waiting.push(waiter);
    for (const lease of waiter.leases) lease.waiting++;
  }

  /**
   * Goes through all of them in order. A waiter for whom `settle` answers an outcome is given it and is gone. Who stands behind
   * somebody that waits for the same window is not asked about: a large call must not starve behind small ones.
   */
  settle(find: (waiter: BudgetWaiter) => BudgetHold | BudgetShortage | null): void {
    const taken = new Set<BudgetLease>();
    const left: BudgetWaiter[] = [];
    for (const waiter of this.#waiting) {
      const outcome = waiter.leases.some((lease) => taken.has(lease)) ? null : find(waiter);
      if (outcome === null) {
        left.push(waiter);
        for (const lease of waiter.leases) taken.add(lease);
        continue;
      }
      for (const lease of waiter.leases) lease.waiting--;
      waiter.resolve(outcome);
    }
    this.#waiting = left;
  }

  /** Groups of those that may be asked for now, within one statement's bounds. */
  listGroups(nowMs: number): WaiterGroup[] {
    const groups = new Map<string, WaiterGroup>();
    let windows = 0;
    for (const waiter of this.#waiting) {
      const key = waiter.leases.map(({ window }) => window.id).join(",");
      const group = groups.get(key);
      if (group !== undefined) {
        group.waiters.push(waiter);
        continue;
      }
      if (waiter.leases.some((lease) => lease.blockedUntilMs > nowMs)) continue;
      if (windows + waiter.leases.length > windowsMax && windows > 0) continue;
      windows += waiter.leases.length;
      groups.set(key, { leases: waiter.leases, waiters: [waiter] });
    }
    return [...groups.values()];
  }

  /** When the next of them may be asked for; Infinity where none waits. */
  nextAtMs(): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { leases } of this.#waiting) {
      const atMs = leases.reduce((latest, { blockedUntilMs }) => Math.max(latest, blockedUntilMs), 0);
      if (atMs < nextMs) nextMs = atMs;
    }
    return nextMs;
  }
}
