import { afterEach, beforeEach, expect, it } from "vitest";
import { openBudgetProcess } from "../../../db/queries/budget-process.ts";
import { type LeaseAsk, leaseBudgets, openBudgetWindows } from "../../../db/queries/lease-budgets.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";

/** The same asks in one statement (groups that share no window) and one after the other. */
const modes = [true, false] as const;
const windowsPerMode = 12;
let test: TestDatabase;

beforeEach(async () => {
  test = await openTestDatabase();
  const { sql } = test.database;
  for (const apart of modes) {
    await openBudgetProcess(sql, `process-${apart}`);
    const windows = Array.from({ length: windowsPerMode }, (_, number) => ({
      id: `${apart}-${number}`,
      level: "key",
      subject: `${apart}-${number}`,
      period: "total",
      timezone: "UTC",
      startMs: 0,
      endMs: Number.POSITIVE_INFINITY,
      limitNanoUsd: BigInt(1_000 * (number + 1)),
      version: 1,
    }));
    await openBudgetWindows(sql, windows);
  }
});
afterEach(() => test.close());

it("grants and refuses the same whether groups are served at once or one after the other", async () => {
  const random = makeSeededRandom();
  const amount = (below: number) => BigInt(random.integer(below));
  const seen = { granted: 0, refused: 0, returned: 0 };
  for (let seq = 1; seq <= 300; seq++) {
    // Each window at most once, in groups of one to three.
    const free = Array.from({ length: windowsPerMode }, (_, number) => number).sort(() => random.next() - 0.5);
    const groups: { windows: { number: number; min: bigint; all: bigint; want: bigint }[] }[] = [];
    while (free.length > 0 && random.next() < 0.8) {
      const taken = free.splice(0, 1 + random.integer(3));
      const windows = taken.map((number) => {
        const min = amount(400);
        return { number, min, all: min + amount(400), want: amount(2_000) };
      });
      groups.push({ windows });
    }
    const returns = Array.from({ length: windowsPerMode }, (_, number) => ({ number, amount: amount(300) })).filter(
      () => random.next() < 0.3,
    );
    const terms =
      random.next() < 0.1
        ? [{ number: random.integer(windowsPerMode), limitNanoUsd: amount(12_000), version: seq }]
        : [];
    const answers = [];
    for (const apart of modes) {
      const name = <T extends { number: number }>({ number, ...rest }: T) => ({ id: `${apart}-${number}`, ...rest });
      const ask: LeaseAsk = {
        process: `process-${apart}`,
        seq,
        share: 8,
        notify: false,
        apart,
        terms: terms.map(name),
        returns: returns.map(name),
        groups: groups.map(({ windows }) => ({ windows: windows.map(name) })),
      };
      const { windows, refused } = await leaseBudgets(test.database.sql, ask);
      const sorted = windows.map((window) => ({ ...window, id: window.id.replace(/^\w+-/, "") }));
      sorted.sort((a, b) => Number(a.id) - Number(b.id));
      answers.push({ windows: sorted, refused: [...refused].sort((a, b) => a - b) });
    }
    expect(answers[0], `seed ${random.seed}, ask ${seq}`).toEqual(answers[1]);
    seen.refused += answers[0]?.refused.length ?? 0;
    seen.granted += groups.length - (answers[0]?.refused.length ?? 0);
    seen.returned += returns.length;
  }
  expect(Math.min(seen.granted, seen.refused, seen.returned)).toBeGreaterThan(50);
  const [row] = await test.database.sql<{ wrong: number }[]>`
    select count(*)::int as wrong from budget_window b where leased_nano_usd <> coalesce(
      (select sum(amount_nano_usd - drawn_nano_usd) from budget_lease l where l.window_id = b.window_id), 0)`;
  expect(row?.wrong).toBe(0);
});
