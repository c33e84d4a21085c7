import type { LeaseState } from "../../db/queries/lease-budgets.ts";
import type { BudgetWindow } from "../core/budget-window.ts";

/** Calls of the largest kind that a surplus is meant to cover. */
const surplusCalls = 32n;
/** A surplus also covers the demand of this long. */
const surplusSeconds = 2n;
/** Fewer calls of the largest kind than this are little. */
const scarceCalls = 512n;
const demandStepMs = 1_000;
/** The size of the largest call is forgotten in two steps of this length. */
const largestStepMs = 10_000;

/** What this process holds of one window, in nano-USD. `amount` and `used` only grow, but for what is given back. */
export class BudgetLease {
  window: BudgetWindow;
  /** Granted by PostgreSQL and not given back. */
  amount = 0n;
  /** Spent by calls that have ended, whether PostgreSQL has them yet or not. */
  used = 0n;
  /** Held by calls that run. */
  reserved = 0n;
  /** Given up here, and not yet told to PostgreSQL. */
  returning = 0n;
  /** As PostgreSQL told last: what nobody holds, and the limit less what is settled. */
  rest = 0n;
  spendable = 0n;
  /** The window is in the table, with this limit. */
  isOpened = false;
  isConfirmed = false;
  isTold = false;
  /** Calls that wait for this window. Who comes later waits behind them. */
  waiting = 0;
  /** Ended calls that PostgreSQL does not have yet, and those of them that cost more than was held. */
  unstored = 0;
  debts = 0;
  lastGrant = 0n;
  isPrefetching = false;
  usedAtMs = 0;
  /** Until then no more is asked for: it was refused just now. */
  blockedUntilMs = 0;
  /** Another process is in need: keep nothing that no call needs. */
  tightUntilMs = 0;
  #hopelessAmount = 0n;
  #hopelessUntilMs = 0;
  #demand = 0n;
  #demandBefore = 0n;
  #demandStep = 0;
  #largest = 0n;
  #largestBefore = 0n;
  #largestStep = 0;

  constructor(window: BudgetWindow) {
    this.window = window;
  }

  get available(): bigint {
    return this.amount - this.used - this.reserved;
  }

  /** What is left of the budget as far as this process can know: what nobody holds, and its own surplus. */
  get remaining(): bigint {
    const left = this.rest + this.available;
    return left > 0n ? left : 0n;
  }

  /** True where nothing depends on this object any more. */
  get isIdle(): boolean {
    return (
      this.reserved === 0n &&
      this.unstored === 0 &&
      this.waiting === 0 &&
      this.available === 0n &&
      this.returning === 0n
    );
  }

  reserve(amount: bigint, nowMs: number): void {
    this.reserved += amount;
    this.usedAtMs = nowMs;
    this.noticeNeed(amount, nowMs);
    const step = Math.floor(nowMs / demandStepMs);
    if (step !== this.#demandStep) {
      this.#demandBefore = step === this.#demandStep + 1 ? this.#demand : 0n;
      this.#demand = 0n;
      this.#demandStep = step;
    }
    this.#demand += amount;
  }

  /** Remembers how much a call needs, whether it gets it or not. */
  noticeNeed(amount: bigint, nowMs: number): void {
    const step = Math.floor(nowMs / largestStepMs);
    if (step !== this.#largestStep) {
      this.#largestBefore = step === this.#largestStep + 1 ? this.#largest : 0n;
      this.#largest = 0n;
      this.#largestStep = step;
    }
    if (amount > this.#largest) this.#largest = amount;
  }

  get largest(): bigint {
    return this.#largest > this.#largestBefore ? this.#largest : this.#largestBefore;
  }

  /** What to ask for beyond the need, before PostgreSQL cuts it down to a part of the rest. */
  get surplus(): bigint {
    const calls = this.largest * surplusCalls;
    const demand = (this.#demand + this.#demandBefore) * (surplusSeconds / 2n);
    return calls > demand ? calls : demand;
  }

  /** True where every call must find its own money, and gives back at once what it did not use. */
  isTight(share: bigint, nowMs: number): boolean {
    return nowMs < this.tightUntilMs || this.rest / share < this.largest;
  }

  /** True where little is left, so that an unused surplus may be in somebody's way. */
  get isScarce(): boolean {
    return this.rest < this.largest * scarceCalls;
  }

  /** Gives up what no call needs; it goes with the next statement. @returns true where there was something. */
  giveBack(): boolean {
    const { available } = this;
    if (available <= 0n) return false;
    this.amount -= available;
    this.returning += available;
    return true;
  }

  /** Takes over terms that have changed. What was granted under the old ones goes back first. */
  setWindow(window: BudgetWindow): void {
    this.window = window;
    this.isConfirmed = false;
    this.#hopelessUntilMs = 0;
    this.giveBack();
  }

  /** Takes over what PostgreSQL told. `returning` came up while the statement was on its way. */
  setState({ amount, drawn, rest, spendable }: LeaseState): void {
    const before = this.amount;
    this.amount = amount - this.returning;
    if (!this.isTold) this.used = drawn;
    this.isTold = true;
    if (this.amount > before) this.lastGrant = this.amount - before;
    this.rest = rest;
    this.spendable = spendable;
  }

  /** Remembers for `ms` that so much cannot be had, so that a used-up budget does not cost a statement for each refusal. */
  setHopeless(amount: bigint, nowMs: number, ms: number): void {
    if (nowMs >= this.#hopelessUntilMs || amount < this.#hopelessAmount) this.#hopelessAmount = amount;
    this.#hopelessUntilMs = nowMs + ms;
  }

  isHopeless(amount: bigint, nowMs: number): boolean {
    return nowMs < this.#hopelessUntilMs && amount >= this.#hopelessAmount;
  }
}
