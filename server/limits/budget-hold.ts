import assert from "node:assert";
import type { BudgetWindow } from "../core/budget-window.ts";
import type { BudgetLease } from "./budget-lease.ts";

/** Why a call does not fit. */
export interface BudgetShortage {
  ok: false;
  /**
   * `exhausted`: not in this period. `held`: running calls hold what is left, and may give some of it back. `store`: it
   * cannot be known now.
   */
  reason: "exhausted" | "held" | "store";
  /** The budget that it does not fit into. */
  window: BudgetWindow | null;
  /** Limit of that budget less what is settled, as it was last told; nano-USD. */
  spendable: bigint;
}

/** What a hold tells its maker. */
interface HoldOwner {
  /** Money came free in these leases. */
  noticeFreed(leases: readonly BudgetLease[]): void;
  /** Takes as much again from all of the windows. */
  reserveMore(leases: readonly BudgetLease[], amount: bigint): Promise<boolean>;
}

/**
 * Money that is held in every budget of one call: an upper bound of its cost. Ended exactly once, by {@link settle} or
 * {@link release}; a second end is a bug.
 */
export class BudgetHold {
  readonly ok = true;
  /** Ids of the windows as they stand in the journal. */
  readonly windowIds: string;
  /** Nano-USD. */
  amount: bigint;
  readonly #owner: HoldOwner;
  readonly #leases: readonly BudgetLease[];
  #isEnded = false;
  #isInDebt = false;

  constructor(owner: HoldOwner, leases: readonly BudgetLease[], amount: bigint, nowMs: number) {
    this.#owner = owner;
    this.#leases = leases;
    this.amount = amount;
    this.windowIds = leases.length === 1 ? (leases[0] as BudgetLease).window.id : leases.map(findId).join(",");
    for (const lease of leases) lease.reserve(amount, nowMs);
  }

  /** What is left of the tightest budget, as far as this process can know; nano-USD. */
  get remaining(): bigint {
    let least = (this.#leases[0] as BudgetLease).remaining;
    for (const lease of this.#leases) if (lease.remaining < least) least = lease.remaining;
    return least;
  }

  /** Holds more, for another attempt after one that cost something. @returns whether it could be had. */
  async grow(by: bigint): Promise<boolean> {
    assert(!this.#isEnded, "a hold that has ended cannot grow");
    if (!(await this.#owner.reserveMore(this.#leases, by))) return false;
    this.amount += by;
    return true;
  }

  /**
   * Ends the hold of a call that cost `cost`, nano-USD. What is not used is free at once. Where it cost more than was held,
   * nothing is lent from these budgets until PostgreSQL knows of it.
   */
  settle(cost: bigint): void {
    this.#end();
    const drawn = cost < this.amount ? cost : this.amount;
    this.#isInDebt = cost > this.amount;
    for (const lease of this.#leases) {
      lease.reserved -= this.amount;
      lease.used += drawn;
      lease.unstored++;
      if (this.#isInDebt) lease.debts++;
    }
    this.#owner.noticeFreed(this.#leases);
  }

  /** Ends the hold of a call that never began. */
  release(): void {
    this.#end();
    for (const lease of this.#leases) lease.reserved -= this.amount;
    this.#owner.noticeFreed(this.#leases);
  }

  /** The event of the call is in PostgreSQL. */
  noticeStored(): void {
    for (const lease of this.#leases) {
      lease.unstored--;
      if (this.#isInDebt) lease.debts--;
    }
  }

  #end(): void {
    assert(!this.#isEnded, "a hold ends once");
    this.#isEnded = true;
  }
}

function findId({ window }: BudgetLease): string {
  return window.id;
}
