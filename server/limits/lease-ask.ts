import type { LeaseAsk } from "../../db/queries/lease-budgets.ts";
import type { BudgetLease } from "./budget-lease.ts";
import type { BudgetWaiter, WaiterGroup } from "./budget-waiters.ts";

/**
 * Leases that one statement gives back. When a period ends, all leases of it go back at once: 3,600 of them in one
 * statement took longer than it may, and every call that waited was refused.
 */
const returnsMax = 512;
/** Leases that it fills up; they may be served one after the other. */
const fetchesMax = 96;

/** What goes into the next statements. */
export interface LeaseWork {
  groups: readonly WaiterGroup[];
  /** Those that this statement deals with are taken out. */
  returning: Set<BudgetLease>;
  prefetching: Set<BudgetLease>;
}

export interface MadeAsk {
  ask: Omit<LeaseAsk, "process" | "seq">;
  /** Their windows have to be made first. */
  opened: readonly BudgetLease[];
  /** Whose surplus is filled up, though no call waits for it. */
  fetched: readonly BudgetLease[];
  /** Everything that the answer tells of. */
  involved: ReadonlySet<BudgetLease>;
  /** The answer is here: the table has the windows, with the terms that they had when it was asked. */
  confirm(): void;
}

/**
 * Puts an ask together, and takes what is given back out of the leases.
 *
 * @param surplus `false`: nothing is asked for that no call needs.
 */
export function makeLeaseAsk(
  { groups, returning, prefetching }: LeaseWork,
  share: bigint,
  surplus: boolean,
  nowMs: number,
): MadeAsk {
  const returned = takeSome(returning, returnsMax);
  const fetched = takeSome(prefetching, fetchesMax);
  const grouped = groups.flatMap(({ leases }) => leases);
  const asked = new Set(grouped);
  // Who waits asks for a surplus anyway.
  const ahead = fetched.filter((lease) => !asked.has(lease));
  const involved = new Set([...grouped, ...returned, ...fetched]);
  const returns = returned.map((lease) => ({ id: lease.window.id, amount: lease.returning }));
  for (const lease of returned) lease.returning = 0n;
  const terms = new Map([...involved].map((lease) => [lease, lease.window.terms]));
  const isUnderPressure = groups.some(({ waiters }) => waiters.some(({ attempts }) => attempts > 0));
  return {
    ask: {
      share: Number(share),
      apart: asked.size === grouped.length,
      notify: isUnderPressure,
      terms: [...terms]
        .filter(([{ isConfirmed }]) => !isConfirmed)
        .map(([{ window }, { limitNanoUsd, version }]) => ({ id: window.id, limitNanoUsd, version })),
      returns,
      groups: [
        ...groups.map((group) => ({ windows: makeGroup(group, share, surplus, nowMs) })),
        ...ahead.map((lease) => ({ windows: [{ id: lease.window.id, min: 0n, all: 0n, want: lease.surplus }] })),
      ],
    },
    opened: [...involved].filter(({ isOpened }) => !isOpened),
    fetched,
    involved,
    confirm() {
      for (const [lease, asked] of terms) {
        lease.isOpened = true;
        if (lease.window.terms === asked) lease.isConfirmed = true;
      }
    },
  };
}

function takeSome(leases: Set<BudgetLease>, max: number): BudgetLease[] {
  const taken = [...leases].slice(0, max);
  for (const lease of taken) leases.delete(lease);
  return taken;
}

function makeGroup({ leases, waiters }: WaiterGroup, share: bigint, surplus: boolean, nowMs: number) {
  const [first] = waiters as [BudgetWaiter];
  const all = waiters.reduce((sum, { wanted }) => sum + wanted, 0n);
  return leases.map((lease) => {
    const { available } = lease;
    const more = (amount: bigint): bigint => (amount > available ? amount - available : 0n);
    const isTight = !surplus || (lease.isTold && lease.isTight(share, nowMs));
    return { id: lease.window.id, min: more(first.least), all: more(all), want: isTight ? 0n : lease.surplus };
  });
}
