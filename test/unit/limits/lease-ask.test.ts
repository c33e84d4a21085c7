import { describe, expect, it } from "vitest";
import { BudgetLease } from "../../../server/limits/budget-lease.ts";
import { makeLeaseAsk } from "../../../server/limits/lease-ask.ts";
import { makeWindow } from "../../support/lease-processes.ts";

const makeLeases = (kind: string, count: number): Set<BudgetLease> =>
  new Set(Array.from({ length: count }, (_, index) => new BudgetLease(makeWindow(1n, { subject: `${kind}${index}` }))));

describe("makeLeaseAsk", () => {
  it("leaves for the next statement what would make this one too long, whoever ends a period with it", () => {
    const returning = makeLeases("returned", 1_000);
    const prefetching = makeLeases("fetched", 150);
    const told = new Set<string>();
    const sizes: [returned: number, fetched: number][] = [];
    while (returning.size + prefetching.size > 0) {
      const { ask, fetched } = makeLeaseAsk({ groups: [], returning, prefetching }, 8n, true, 0);
      sizes.push([ask.returns.length, fetched.length]);
      expect(ask.groups).toHaveLength(fetched.length);
      for (const { id } of ask.returns) told.add(id);
    }
    expect(sizes).toEqual([[96, 96], [96, 54], ...Array(8).fill([96, 0]), [40, 0]]);
    expect(told.size).toBe(1_000);
  });
});
