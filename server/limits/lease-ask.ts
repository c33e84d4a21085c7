import type { LeaseAsk } from "../../db/queries/lease-budgets.ts";
import type { BudgetLease } from "./budget-lease.ts";
import type { BudgetWaiter, WaiterGroup } from "./budget-waiters.ts";

/** What goes into one statement. */
export interface LeaseWork {
  groups: readonly WaiterGroup[];
  returned: readonly BudgetLease[];
  fetched: readonly BudgetLease[];
}

export interface MadeAsk {
  ask: Omit<LeaseAsk, "process" | "seq">;
  /** Their windows have to be made first. */
  opened: readonly BudgetLease[];
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
  { groups, returned, fetched }: LeaseWork,
  share: bigint,
  surplus: boolean,
  nowMs: number,
): MadeAsk {
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
    involved,
    confirm() {
      for (const [lease, asked] of terms) {
        lease.isOpened = true;
        if (lease.window.terms === asked) lease.isConfirmed = true;
      }
    },
  };
}

function makeGroup({ leases, waiters }: WaiterGroup, share: bigint, surplus: boolean, nowMs: number) {
  const [first] = waiters as [BudgetWaiter];
  const all = waiters.reduce((sum, { wanted }) => sum + wanted, 0n);
  return leases.map((lease) => {
    const { available } = lease;
    const more = (amount: bigint): bigint => (amount > available ? amount - available : 0n);
    const isTight = !surplus || (lease.isTold && lease.isTight(share, nowMs));
    return {
      id: lease.window.id,
      min: more(first.least),
      all: more(all),
      want: isTight ? 0n : more(findAhead(lease, share)),
    };
  });
}

/**
 * What a process may hold ahead of the calls, all in all. PostgreSQL sees to it for each grant by itself; but calls that ask again
 * and again, because another of their budgets is tight, would have a part of the rest each time.
 */
function findAhead({ isTold, rest, available, surplus }: BudgetLease, share: bigint): bigint {
  const part = (rest + available) / share;
  return isTold && part < surplus ? part : surplus;
}
