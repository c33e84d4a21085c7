import type { Clock } from "../platform/clock.ts";
import type { BudgetLease } from "./budget-lease.ts";

/** A surplus that nobody used for so long goes back: soon where the rest is scarce, late where there is plenty. */
const keepScarceMs = 500;
const keepMs = 60_000;
const lookScarceEveryMs = 250;
const lookEveryMs = 10_000;

/**
 * Gives back what is not used, and forgets windows that nothing depends on. Of leases with plenty behind them only every
 * tenth second is looked at all: 100,000 keys that are used now and then keep their leases, and cost nothing meanwhile.
 */
export class IdleLeases {
  readonly #clock: Clock;
  readonly #giveBack: (lease: BudgetLease) => void;
  readonly #forget: (lease: BudgetLease) => void;
  #scarce: BudgetLease[] = [];
  #plenty: BudgetLease[] = [];
  readonly #timers: NodeJS.Timeout[];

  constructor(options: {
    clock: Clock;
    giveBack(lease: BudgetLease): void;
    forget(lease: BudgetLease): void;
  }) {
    this.#clock = options.clock;
    this.#giveBack = options.giveBack;
    this.#forget = options.forget;
    this.#timers = [
      setInterval(() => {
        this.#scarce = this.#look(this.#scarce, true);
      }, lookScarceEveryMs),
      setInterval(() => {
        this.#plenty = this.#look(this.#plenty, false);
      }, lookEveryMs),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  /** Takes a new lease into care, until it is forgotten. */
  add(lease: BudgetLease): void {
    this.#scarce.push(lease);
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** @returns those that stay in the list. */
  #look(leases: readonly BudgetLease[], isScarceList: boolean): BudgetLease[] {
    const nowMs = this.#clock.monotonicMs();
    const databaseMs = this.#clock.nowMs();
    return leases.filter((lease) => {
      const isOver = lease.window.endMs <= databaseMs;
      const isScarce = isOver || lease.isScarce;
      const idleMs = nowMs - lease.usedAtMs;
      if (idleMs >= (isScarce ? keepScarceMs : keepMs)) this.#giveBack(lease);
      if (lease.isIdle && idleMs >= keepMs) {
        this.#forget(lease);
        return false;
      }
      if ((isScarce && lease.available > 0n) === isScarceList) return true;
      (isScarceList ? this.#plenty : this.#scarce).push(lease);
      return false;
    });
  }
}
