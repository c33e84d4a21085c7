import type { BudgetWindow } from "../core/budget-window.ts";
import type { Clock } from "../platform/clock.ts";
import type { Logger } from "../platform/logger.ts";
import type { Metrics } from "../platform/metrics.ts";
import { BudgetHold, type BudgetShortage } from "./budget-hold.ts";
import { BudgetLease } from "./budget-lease.ts";
import { type BudgetWaiter, BudgetWaiters, type WaiterGroup } from "./budget-waiters.ts";
import { IdleLeases } from "./idle-leases.ts";
import { makeLeaseAsk } from "./lease-ask.ts";
import type { LeaseConnection } from "./lease-connection.ts";
import { takeLeases } from "./take-leases.ts";
import { findWaiterOutcome, makeShortage } from "./waiter-outcome.ts";

export interface BudgetLeasesOptions {
  connection: LeaseConnection;
  clock: Clock;
  metrics: Metrics;
  logger: Logger;
  /** Brings all ended calls into PostgreSQL, so that what is settled is known there; `false`: it does not take them. */
  flush(): Promise<boolean>;
  /** `false`: every call asks PostgreSQL for exactly what it needs. */
  surplus: boolean;
  /** Gateway processes that are alive: each keeps to its part of what is left. */
  liveProcesses(): number;
  /** Somebody has closed this process for good: it must end. */
  onClosed(): void;
}

/** After a refusal it is asked again so soon; another process may give back meanwhile. */
const retryMs = [3, 6, 12, 25, 50] as const;
/** After a failure PostgreSQL is not asked again for so long: no call must wait for each time-out anew. */
const storeRestMs = 250;
const tightAfterPressureMs = 1_000;
/** `lease_budgets` raises it. */
const processClosed = "TG001";
const storeShortage: BudgetShortage = { ok: false, reason: "store", window: null, spendable: 0n };

/**
 * Budgets as leases from PostgreSQL (docs/adr/0002). A call whose budgets this process holds enough of is admitted from
 * memory; else all that wait are asked for in one statement, one at a time. Never more is lent than the limits hold, whatever
 * the processes do and whenever they die.
 */
export class BudgetLeases {
  readonly #options: BudgetLeasesOptions;
  readonly #leases = new Map<string, BudgetLease>();
  readonly #waiters = new BudgetWaiters();
  readonly #returning = new Set<BudgetLease>();
  readonly #prefetching = new Set<BudgetLease>();
  readonly #idle: IdleLeases;
  #wake: NodeJS.Timeout | null = null;
  #scheduled = false;
  #running: Promise<void> | null = null;
  #storeRestsUntilMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: BudgetLeasesOptions) {
    this.#options = options;
    this.#idle = new IdleLeases({
      clock: options.clock,
      giveBack: (lease) => this.#giveBack(lease),
      forget: (lease) => this.#leases.delete(lease.window.id),
    });
  }

  /** True while calls run, or have ended, that PostgreSQL does not know of. */
  get isHolding(): boolean {
    return [...this.#leases.values()].some(({ reserved, unstored }) => reserved > 0n || unstored > 0);
  }

  /**
   * Holds money for a call in all of its budgets, or in none. Answers at once where this process holds enough; else
   * within a fifth of a second, or when PostgreSQL does not answer.
   *
   * @param windows at least one.
   * @param least taken where `wanted` cannot be had; the same for a call that cannot do with less. Nano-USD.
   */
  reserve(
    windows: readonly BudgetWindow[],
    least: bigint,
    wanted: bigint,
  ): BudgetHold | BudgetShortage | Promise<BudgetHold | BudgetShortage> {
    const nowMs = this.#options.clock.monotonicMs();
    const leases =
      windows.length === 1 ? [this.#load(windows[0] as BudgetWindow)] : windows.map((one) => this.#load(one));
    return this.#reserve(leases, least, wanted, nowMs);
  }

  /** Another process was refused what this one may hold. */
  noticePressure(windowId: string): void {
    const lease = this.#leases.get(windowId);
    if (lease === undefined) return;
    lease.tightUntilMs = this.#options.clock.monotonicMs() + tightAfterPressureMs;
    this.#giveBack(lease);
    if (lease.unstored > 0) void this.#options.flush();
  }

  noticeFreed(leases: readonly BudgetLease[]): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const lease of leases) {
      // More was spent than this process ever had: only PostgreSQL can say what is left.
      if (lease.debts > 0) this.#giveBack(lease);
      if (lease.waiting > 0) {
        lease.blockedUntilMs = 0;
        this.#schedule();
      } else if (lease.isTight(this.#share, nowMs) || !this.#options.surplus) this.#giveBack(lease);
    }
  }

  async reserveMore(leases: readonly BudgetLease[], amount: bigint): Promise<boolean> {
    const outcome = await this.#reserve(leases, amount, amount, this.#options.clock.monotonicMs());
    return outcome.ok;
  }

  /** Takes no more asks and gives back what no call needs; who waits is refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#idle.close();
    if (this.#wake !== null) clearTimeout(this.#wake);
    this.#waiters.settle(() => storeShortage);
    await this.#running;
  }

  get #share(): bigint {
    return BigInt(8 * Math.max(1, this.#options.liveProcesses()));
  }

  #load(window: BudgetWindow): BudgetLease {
    let lease = this.#leases.get(window.id);
    if (lease === undefined) {
      lease = new BudgetLease(window);
      lease.usedAtMs = this.#options.clock.monotonicMs();
      this.#leases.set(window.id, lease);
      this.#idle.add(lease);
    } else if (lease.window.terms !== window.terms) {
      const { limitNanoUsd, version } = lease.window.terms;
      if (limitNanoUsd === window.terms.limitNanoUsd && version === window.terms.version) lease.window = window;
      else if (version <= window.terms.version) {
        lease.setWindow(window);
        if (lease.returning > 0n) this.#returning.add(lease);
      }
    }
    return lease;
  }

  #reserve(
    leases: readonly BudgetLease[],
    least: bigint,
    wanted: bigint,
    nowMs: number,
  ): BudgetHold | BudgetShortage | Promise<BudgetHold | BudgetShortage> {
    if (
      leases.every(
        (lease) => lease.waiting === 0 && lease.debts === 0 && lease.isConfirmed && lease.available >= wanted,
      )
    ) {
      return this.#hold(leases, wanted, nowMs);
    }
    for (const lease of leases) {
      if (lease.isHopeless(least, nowMs)) return makeShortage(lease, least);
      lease.noticeNeed(wanted, nowMs);
    }
    if (this.#isClosed || nowMs < this.#storeRestsUntilMs) return storeShortage;
    return new Promise((resolve) => {
      this.#waiters.add({ leases, least, wanted, sinceMs: nowMs, attempts: 0, resolve });
      this.#schedule();
    });
  }

  #hold(leases: readonly BudgetLease[], amount: bigint, nowMs: number): BudgetHold {
    const hold = new BudgetHold(this, leases, amount, nowMs);
    for (const lease of leases) {
      if (lease.isPrefetching || !this.#options.surplus || lease.available * 4n >= lease.lastGrant) continue;
      if (lease.isTight(this.#share, nowMs)) continue;
      lease.isPrefetching = true;
      this.#prefetching.add(lease);
      this.#schedule();
    }
    return hold;
  }

  #giveBack(lease: BudgetLease): void {
    if (!lease.giveBack()) return;
    this.#returning.add(lease);
    this.#schedule();
  }

  /** Everything of one turn of the event loop goes into one statement. */
  #schedule(): void {
    if (this.#scheduled || this.#running !== null || this.#isClosed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#running !== null || this.#isClosed) return;
      this.#running = this.#run().finally(() => {
        this.#running = null;
        this.#sleep();
      });
    });
  }

  /** Comes back when there is something to ask, and it may be asked. */
  #sleep(): void {
    if (this.#isClosed || this.#wake !== null) return;
    const hasWork = this.#returning.size > 0 || this.#prefetching.size > 0;
    const nextMs = hasWork ? Number.NEGATIVE_INFINITY : this.#waiters.nextAtMs();
    if (nextMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.max(nextMs, this.#storeRestsUntilMs) - this.#options.clock.monotonicMs();
    if (waitMs <= 0) return this.#schedule();
    this.#wake = setTimeout(() => {
      this.#wake = null;
      this.#schedule();
    }, waitMs);
    this.#wake.unref();
  }

  async #run(): Promise<void> {
    const { clock, flush } = this.#options;
    for (;;) {
      // A call that ended meanwhile may have freed enough.
      this.#waiters.settle((waiter) => this.#find(waiter, null));
      const groups = this.#waiters.listGroups(clock.monotonicMs());
      if (groups.length === 0 && this.#returning.size === 0 && this.#prefetching.size === 0) return;
      const isInDebt = (): boolean => groups.some(({ leases }) => leases.some(({ debts }) => debts > 0));
      try {
        if ([...this.#returning].some(({ debts }) => debts > 0)) await flush();
        // Calls that ran beside it may have ended in debt meanwhile. Nothing is lent until then, so there is a last one.
        let isStored = true;
        while (isStored && isInDebt()) isStored = await flush();
        if (!isStored) throw new Error("PostgreSQL does not take the calls that have ended");
        await this.#ask(groups);
      } catch (error) {
        this.#noticeFailure(error);
        return;
      }
    }
  }

  async #ask(groups: readonly WaiterGroup[]): Promise<void> {
    const { connection, clock, metrics, surplus } = this.#options;
    const fetched = takeLeases(this.#prefetching);
    const work = { groups, returned: takeLeases(this.#returning), fetched };
    const made = makeLeaseAsk(work, this.#share, surplus, clock.monotonicMs());
    metrics.leaseStatements++;
    try {
      const answer = await connection.lease(made.opened, made.ask);
      for (const state of answer.windows) this.#leases.get(state.id)?.setState(state);
      made.confirm();
      this.#serve(groups, answer.refused);
    } catch (error) {
      // Nobody knows whether it was done: the next answer tells what is lent here.
      for (const lease of made.involved) this.#returning.add(lease);
      throw error;
    } finally {
      for (const lease of fetched) lease.isPrefetching = false;
    }
  }

  #serve(groups: readonly WaiterGroup[], refused: readonly number[]): void {
    const nowMs = this.#options.clock.monotonicMs();
    const short = new Set<BudgetWaiter>();
    for (const index of refused) for (const waiter of groups[index]?.waiters ?? []) short.add(waiter);
    const asked = new Set(groups.flatMap(({ waiters }) => waiters));
    this.#waiters.settle((waiter) => (asked.has(waiter) ? this.#find(waiter, short.has(waiter)) : null));
    for (const index of refused) {
      const group = groups[index];
      if (group === undefined) continue;
      const [first] = group.waiters as [BudgetWaiter];
      const waitMs = retryMs[Math.min(first.attempts, retryMs.length) - 1] ?? retryMs[0];
      for (const lease of group.leases) {
        lease.blockedUntilMs = nowMs + waitMs;
        // Several processes that each keep too little for one call would all wait for each other.
        if (lease.available < first.least && lease.giveBack()) this.#returning.add(lease);
      }
      void this.#options.flush();
    }
  }

  #find(waiter: BudgetWaiter, isRefused: boolean | null): BudgetHold | BudgetShortage | null {
    const nowMs = this.#options.clock.monotonicMs();
    const outcome = findWaiterOutcome(waiter, isRefused, nowMs);
    return typeof outcome === "bigint" ? this.#hold(waiter.leases, outcome, nowMs) : outcome;
  }

  #noticeFailure(error: unknown): void {
    const { clock, metrics, logger, onClosed } = this.#options;
    metrics.leaseFailures++;
    this.#storeRestsUntilMs = clock.monotonicMs() + storeRestMs;
    this.#waiters.settle(() => storeShortage);
    if (error instanceof Error && "code" in error && error.code === processClosed) {
      this.#isClosed = true;
      logger.error({ err: error }, "this process was written off: it must not spend any more");
      onClosed();
    } else logger.warn({ err: error }, "PostgreSQL lends nothing; calls whose budgets are used up here are refused");
  }
}
