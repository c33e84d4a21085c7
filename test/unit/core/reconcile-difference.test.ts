import { describe, expect, test } from "vitest";
import { type BookDifference, explainDifferences } from "../../../server/core/reconcile-difference.ts";

const hourMs = 3_600_000;

/** An hour of a series: `found` of `expected` calls, at 10 nano-USD each. */
function makeHour(hour: number, found: number, expected: number, more: Partial<BookDifference> = {}): BookDifference {
  return {
    book: "hour",
    atMs: hour * hourMs,
    object: "series:1",
    fields: ["requests", "cost_nano_usd"],
    expected: { requests: expected, costNanoUsd: BigInt(10 * expected) },
    found: { requests: found, costNanoUsd: BigInt(10 * found) },
    ...more,
  };
}

const explain = (differences: BookDifference[], faulty: Parameters<typeof explainDifferences>[1] = []) =>
  explainDifferences(differences, faulty).map(({ book, cause }) => `${book} ${cause}`);

describe("explainDifferences", () => {
  test.each<[string, BookDifference, string]>([
    ["fewer calls", makeHour(1, 2, 3), "hour lost"],
    ["more calls", makeHour(1, 3, 2), "hour doubled"],
    ["another cost", makeHour(1, 3, 3, { fields: ["cost_nano_usd"] }), "hour wrong_price"],
    [
      "a price that is missing",
      makeHour(1, 3, 3, { fields: ["cost_nano_usd", "unpriced_requests"] }),
      "hour wrong_price",
    ],
    ["another sketch", makeHour(1, 3, 3, { fields: ["latency_sum"] }), "hour rollup_drift"],
    ["a batch with fewer events", makeHour(1, 2, 3, { book: "ledger" }), "ledger lost"],
    ["a budget", makeHour(1, 0, 0, { book: "budget" }), "budget budget_drift"],
  ])("%s", (_what, difference, told) => {
    expect(explain([difference])).toEqual([told]);
  });

  test("calls that are all there in another hour of their series were moved; of another series they were not", () => {
    expect(explain([makeHour(1, 0, 4), makeHour(7, 4, 0)])).toEqual(["hour wrong_period", "hour wrong_period"]);
    expect(explain([makeHour(1, 0, 4), makeHour(7, 4, 0, { object: "series:2" })])).toEqual([
      "hour lost",
      "hour doubled",
    ]);
  });

  test("what a faulty batch explains is its fault, and hides nothing else of the series", () => {
    const faulty = [{ firstMs: 20 * hourMs, lastMs: 20 * hourMs + 1, missing: 1 }];
    const hours = [makeHour(1, 0, 4), makeHour(7, 4, 0), makeHour(20, 5, 4)];
    expect(explain(hours, faulty)).toEqual(["hour wrong_period", "hour wrong_period", "ledger lost"]);
    // Calls that are missing in an hour are not explained by events that are missing in the ledger.
    expect(explain([makeHour(20, 3, 4)], faulty)).toEqual(["hour lost"]);
    expect(explain([makeHour(20, 3, 4)], [{ firstMs: 0, lastMs: 21 * hourMs, missing: -1 }])).toEqual([
      "ledger doubled",
    ]);
  });
});
