import { expect, test } from "vitest";
import { compareLedger, formatVerdict, type LedgerRow, type UpstreamDispatch } from "../../support/ledger-oracle.ts";

/** Five calls that were served 10 + 20 tokens each: 50,000 nano-USD. */
const ids = ["a", "b", "c", "d", "e"];
const dispatches: UpstreamDispatch[] = ids.map((requestId) => ({
  requestId,
  attempts: 1,
  served: { promptTokens: 10, completionTokens: 20, isWhole: true },
}));

function makeRow(id: string, changes: Partial<LedgerRow> = {}): LedgerRow {
  return {
    id,
    public_id: "key",
    model: "quick",
    usage_source: "reported",
    attempts: 1,
    input_tokens: "10",
    output_tokens: "20",
    cost_nano_usd: "50000",
    reserved_nano_usd: "90000",
    ...changes,
  };
}

/** The right books with one row replaced by what `plant` makes of it. */
function compareWith(plant: (row: LedgerRow) => LedgerRow[], limit = 250_000n) {
  const rows = ids.flatMap((id) => (id === "c" ? plant(makeRow(id)) : [makeRow(id)]));
  const { wrong, ...verdict } = compareLedger(dispatches, rows, new Map([["key", limit]]));
  return { ...verdict, wrong: wrong.length };
}

const clean = {
  dispatched: 5,
  rows: 5,
  missing: [],
  duplicate: [],
  under: [],
  over: [],
  wrong: 0,
  overspent: [],
  reserved: 0,
  estimated: 0,
  undispatched: 0,
};

test("right books pass", () => {
  expect(compareWith((row) => [row])).toEqual(clean);
  expect(compareWith((row) => [{ ...row, usage_source: "reserved", cost_nano_usd: "90000" }], 290_000n)).toEqual({
    ...clean,
    reserved: 1,
  });
});

const planted: readonly (readonly [name: string, plant: (row: LedgerRow) => LedgerRow[], found: object])[] = [
  ["a lost event", () => [], { rows: 4, missing: ["c"] }],
  ["a doubled event", (row) => [row, row], { rows: 6, duplicate: ["c"], overspent: ["key"] }],
  ["too cheap", (row) => [{ ...row, cost_nano_usd: "49999" }], { under: ["c"], wrong: 2 }],
  ["too dear", (row) => [{ ...row, cost_nano_usd: "50001" }], { over: ["c"], wrong: 1, overspent: ["key"] }],
  ["a token too many", (row) => [{ ...row, output_tokens: "21" }], { wrong: 1 }],
  ["an attempt too many", (row) => [{ ...row, attempts: 2 }], { wrong: 1 }],
  [
    "an estimate below what was served",
    (row) => [{ ...row, usage_source: "estimated", cost_nano_usd: "40000" }],
    { estimated: 1, under: ["c"], wrong: 1 },
  ],
  [
    "an end that nobody saw, charged less than was reserved",
    (row) => [{ ...row, usage_source: "reserved", cost_nano_usd: "50000" }],
    { reserved: 1, wrong: 1 },
  ],
  [
    "a call that was never made",
    (row) => [row, makeRow("f")],
    { rows: 6, undispatched: 1, wrong: 1, overspent: ["key"] },
  ],
];

test.each(planted)("it finds %s", (_, plant, found) => {
  expect(compareWith(plant)).toEqual({ ...clean, ...found });
});

test("it finds a budget that was passed by what was served, whatever was charged", () => {
  expect(compareWith((row) => [row], 249_999n)).toEqual({ ...clean, overspent: ["key"] });
  const free = ids.map((id) => makeRow(id, { cost_nano_usd: "0" }));
  expect(compareLedger(dispatches, free, new Map([["key", 249_999n]]))).toMatchObject({
    under: ids,
    overspent: ["key"],
  });
});

test("its line says every count", () => {
  const verdict = compareLedger(dispatches, [makeRow("a"), makeRow("b", { cost_nano_usd: "1" })]);
  expect(formatVerdict(verdict)).toBe(
    "dispatched 5, rows 2, missing 3, duplicate 0, under 1, over 0, wrong 2, overspent 0, " +
      "estimated 0, reserved 0 (of which 0 never sent)",
  );
});
