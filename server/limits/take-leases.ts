import type { BudgetLease } from "./budget-lease.ts";

/**
 * Leases that one statement gives back, and as many that it fills up: calls that wait stand behind it. When a period ends, those
 * of all keys go back at once.
 */
const leasesMax = 96;

/** Takes the oldest out of a set, as many as go into one statement. */
export function takeLeases(leases: Set<BudgetLease>): BudgetLease[] {
  const taken = [...leases].slice(0, leasesMax);
  for (const lease of taken) leases.delete(lease);
  return taken;
}
