import type { BudgetShortage } from "./budget-hold.ts";
import type { BudgetLease } from "./budget-lease.ts";
import type { BudgetWaiter } from "./budget-waiters.ts";

/** So long a call waits for money that others hold. */
const patienceMs = 150;
/** So long what was refused counts as refused, without asking. */
const hopelessMs = 500;

/**
 * What becomes of a waiter by what this process holds now: the amount that it gets, nano-USD; why it gets nothing; `null`
 * while it goes on waiting.
 *
 * @param isRefused by PostgreSQL just now; `null`: it was not asked.
 * @param nowMs monotonic.
 */
export function findWaiterOutcome(
  waiter: BudgetWaiter,
  isRefused: boolean | null,
  nowMs: number,
): bigint | BudgetShortage | null {
  const { leases, least, wanted } = waiter;
  if (leases.some((lease) => lease.debts > 0 || !lease.isConfirmed)) return null;
  const got = leases.reduce<bigint>((most, { available }) => (available < most ? available : most), wanted);
  if (got >= wanted || (isRefused === false && got >= least)) return got;
  if (isRefused !== true) return null;
  waiter.attempts++;
  const exhausted = leases.find(({ spendable }) => least > spendable);
  if (exhausted === undefined && nowMs - waiter.sinceMs < patienceMs) return null;
  const scarce = exhausted ?? leases.find(({ available }) => available < least) ?? leases[0];
  if (scarce === undefined) throw new Error("a call that waits has a budget");
  scarce.setHopeless(least, nowMs, hopelessMs);
  return makeShortage(scarce, least);
}

/** Why a call that needs `least` gets nothing from a budget. */
export function makeShortage({ window, spendable }: BudgetLease, least: bigint): BudgetShortage {
  return { ok: false, reason: least > spendable ? "exhausted" : "held", window, spendable };
}
