import { expect, it } from "vitest";
import { BudgetLease } from "../../../server/limits/budget-lease.ts";
import { takeLeases } from "../../../server/limits/take-leases.ts";
import { makeWindow } from "../../support/lease-processes.ts";

it("takes each lease once, in their order, and never so many that a statement takes long", () => {
  const leases = Array.from({ length: 1_000 }, (_, index) => new BudgetLease(makeWindow(1n, { subject: `${index}` })));
  const left = new Set(leases);
  const taken: BudgetLease[][] = [];
  while (left.size > 0) taken.push(takeLeases(left));
  expect(taken.map(({ length }) => length)).toEqual([...Array(10).fill(96), 40]);
  expect(taken.flat()).toEqual(leases);
  expect(takeLeases(left)).toEqual([]);
});
