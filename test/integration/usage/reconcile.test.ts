import { afterAll, beforeAll, expect, test } from "vitest";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import { insertSeedEvents } from "../../../scripts/seed/insert-seed-events.ts";
import { makeSeedEvents } from "../../../scripts/seed/make-seed-events.ts";
import type { ReconcileReport } from "../../../server/core/reconcile-schema.ts";
import type { UsageEvent } from "../../../server/core/usage-event.ts";
import { reconcileUsage } from "../../../server/limits/reconcile-usage.ts";
import { handleAggregateUsage } from "../../../workers/jobs/aggregate-usage.ts";
import { handleMergeRollups } from "../../../workers/jobs/merge-rollups.ts";
import { handleReconcileSpend } from "../../../workers/jobs/reconcile-spend.ts";
import type { JobTools } from "../../../workers/registry.ts";
import { type PlantedFault, plantBookFaults, plantKeyFault } from "../../support/book-faults.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { findRollupDifferences } from "../../support/rollup-laws.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { openWorkerHarness, type WorkerHarness } from "../../support/worker-harness.ts";

const dayMs = 86_400_000;
const isFull = process.env.TEST_TIER === "full";
/** 1,000 in full, as the bar has it. */
const faults = isFull
  ? { books: 850, ledger: 50, keys: 50, windows: 50 }
  : { books: 90, ledger: 6, keys: 6, windows: 8 };
const firstDayMs = Math.floor(Date.now() / dayMs - 12) * dayMs;
const shape = { seed: 5, events: isFull ? 200_000 : 15_000, keys: 150, models: 10, days: 10, firstDayMs };
const days = Array.from({ length: 10 }, (_, index) => new Date(firstDayMs + index * dayMs).toISOString().slice(0, 10));

let cloned: TestDatabase;
let harness: WorkerHarness;
let tools: JobTools;
const sql = () => cloned.database.sql;
const look = (): Promise<ReconcileReport> => reconcileUsage(sql(), { days: null, repair: null });

beforeAll(async () => {
  cloned = await openTestDatabase();
  harness = openWorkerHarness({ databaseUrl: cloned.url, redisUrl: null }, []);
  const { context } = harness;
  tools = {
    context,
    logger: context.logger,
    signal: new AbortController().signal,
    updateProgress: async () => undefined,
  };
  await sql()`
    insert into budget_window (window_id, level, subject, period, timezone, starts_at, ends_at, limit_nano_usd, terms_version)
    select 'window-' || n, 'key', 'key-' || n, 'total', 'UTC', ${new Date(firstDayMs).toISOString()}::timestamptz, null, 1000000000, 1
    from generate_series(1, ${faults.windows + 1}) as n`;
  const events = [...makeSeedEvents(shape)].map((event, index): UsageEvent => {
    const window = 1 + (index % (faults.windows + 1));
    return index % 3 === 0 ? { ...event, budgetWindows: `window-${window}` } : event;
  });
  await insertSeedEvents(cloned.database, events, Math.min(1_000, shape.events / 100));
  await handleAggregateUsage(tools);
  await handleMergeRollups(tools);
}, 600_000);
afterAll(async () => {
  await harness.stop();
  await cloned.close();
});

/** Raw events may be changed by nobody; a test is no body. */
async function withoutGuards(run: () => Promise<void>): Promise<void> {
  await sql()`alter table usage_event disable trigger user`;
  await run();
  await sql()`alter table usage_event enable trigger user`;
}

test("books that agree are clean, parts and refusals that are not merged yet or not", {
  timeout: 120_000,
}, async () => {
  const report = await look();
  expect(report).toMatchObject({ clean: true, found: 0, repaired: 0, differences: [] });
  expect(report.checked).toMatchObject({ windows: faults.windows + 1, windows_too_old: 0 });
  expect(report.checked.parts).toBeGreaterThan(90);
  expect(Math.min(report.checked.hours, report.checked.days)).toBeGreaterThan(1_000);
  for (const atMs of [firstDayMs + 5, Date.now()]) await insertUsageEvents(sql(), "late", [makeUsageEvent(atMs)]);
  expect(await look()).toMatchObject({ clean: true });
  await handleAggregateUsage(tools);
  expect(await look()).toMatchObject({ clean: true });
  await handleMergeRollups(tools);
  expect(await handleReconcileSpend(tools)).toEqual({ found: 0, repaired: 0 });
});

test("every planted fault is found with its cause, and what can be repaired is", { timeout: 900_000 }, async () => {
  const random = makeSeededRandom();
  console.info(`TEST_SEED=${random.seed}`);
  const ledgerDays = days.slice(0, isFull ? 3 : 1);
  const planted: PlantedFault[] = [];
  await withoutGuards(async () => {
    planted.push(
      ...(await plantBookFaults(
        sql(),
        random,
        { books: faults.books, ledger: faults.ledger },
        ledgerDays,
        days.slice(0, ledgerDays.length + 1),
      )),
    );
  });
  const keys = await sql()<{ day: string; public_id: string }[]>`
    select to_char(day, 'YYYY-MM-DD') as day, public_id from usage_day_key
    where day > ${days[4] ?? ""}::date and day < (now() at time zone 'UTC')::date order by day, public_id`;
  const taken = new Set(planted.map(({ day, publicId }) => `${day} ${publicId}`));
  const free = keys.filter(({ day, public_id: publicId }) => !taken.has(`${day} ${publicId}`));
  for (const { day, public_id: publicId } of free.slice(0, faults.keys))
    planted.push(await plantKeyFault(sql(), { day, publicId }));
  for (let window = 1; window <= faults.windows; window++) {
    await sql()`update budget_window set settled_nano_usd = settled_nano_usd + ${window % 2 === 0 ? 1 : -1} where window_id = ${`window-${window}`}`;
    planted.push({ book: "budget", cause: "budget_drift", object: `window-${window}` });
  }

  const report = await look();
  const told = new Set(report.differences.map(({ book, cause, object }) => `${book} ${cause} ${object}`));
  const missed = planted.filter(({ book, cause, object }) => !told.has(`${book} ${cause} ${object}`));
  expect(missed).toEqual([]);
  expect(planted.length).toBe(faults.books + faults.ledger + faults.keys + faults.windows);
  console.info(
    `${planted.length} faults planted, ${planted.length - missed.length} found, ${report.found} differences`,
  );

  // The ledger is at fault too: no budget is touched, and no hour that a faulty batch reaches into.
  expect(await handleReconcileSpend(tools)).toMatchObject({ found: report.found });
  const after = await look();
  expect(after.differences.filter(({ book }) => book !== "ledger" && book !== "budget")).toEqual([]);
  expect(after.differences.filter(({ book }) => book === "budget")).toHaveLength(
    report.differences.filter(({ book }) => book === "budget").length,
  );
  const entries =
    await sql()`select actor, action, after->>'repaired' as repaired from audit_entry where action = 'usage.reconcile'`;
  expect(entries).toHaveLength(1);
  expect(entries[0]).toMatchObject({ actor: "system:reconcile-spend" });
});

test("without faults of the ledger, budgets are put right, and calls that go on meanwhile stay charged", {
  timeout: 120_000,
}, async () => {
  // An operator who knows: the batches name what there is.
  await sql()`alter table usage_part disable trigger user`;
  await sql()`update usage_part p set events = c.events from
    (select part_id, count(*)::int as events from usage_event group by 1) as c where c.part_id = p.part_id`;
  await sql()`delete from usage_part p where not exists (select from usage_event e where e.part_id = p.part_id)`;
  await sql()`alter table usage_part enable trigger user`;
  const before = await look();
  expect(before.by_cause.budget_drift).toBeGreaterThan(0);
  expect(await handleReconcileSpend(tools)).toEqual({ found: before.found, repaired: before.found });
  await insertUsageEvents(sql(), "on", [makeUsageEvent(Date.now(), { budgetWindows: "window-1" })]);
  expect(await look()).toMatchObject({ clean: true });
  await handleAggregateUsage(tools);
  await handleMergeRollups(tools);
  // What one fault moved out of everything that is looked at.
  await sql()`delete from usage_hour where hour < now() - interval '500 days'`;
  expect((await findRollupDifferences(sql())).differences.filter((text) => !text.startsWith("days"))).toEqual([]);
  expect(await look()).toMatchObject({ clean: true });
});
