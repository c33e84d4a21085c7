import type { BudgetLease } from "./budget-lease.ts";

/**
 * Leases that one statement gives back, and as many that it fills up. When a period ends, all leases of it go back at once: 3,600
 * of them in one statement took longer than it may, and every call that waited was refused.
 */
const leasesMax = 96;

/** Takes the oldest out of a set, as many as go into one statement. */
export function takeLeases(leases: Set<BudgetLease>): BudgetLease[] {
  const taken = [...leases].slice(0, leasesMax);
  for (const lease of taken) leases.delete(lease);
  return taken;
}
