import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openDatabase } from "../../../db/client.ts";
import { findRollupLag } from "../../../db/queries/find-rollup-lag.ts";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import { insertSeedEvents } from "../../../scripts/seed/insert-seed-events.ts";
import { makeSeedEvents } from "../../../scripts/seed/make-seed-events.ts";
import type { UsageEvent } from "../../../server/core/usage-event.ts";
import { handleAggregateUsage } from "../../../workers/jobs/aggregate-usage.ts";
import { handleManagePartitions } from "../../../workers/jobs/manage-partitions.ts";
import { handleMergeRollups } from "../../../workers/jobs/merge-rollups.ts";
import type { JobTools } from "../../../workers/registry.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { findRollupDifferences, findSketchError } from "../../support/rollup-laws.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { openWorkerHarness, type WorkerHarness } from "../../support/worker-harness.ts";

const dayMs = 86_400_000;
const firstDayMs = Date.parse("2026-09-10T00:00:00Z");
const isFull = process.env.TEST_TIER === "full";
/** Of the issue: 1,000,000 events of 500 keys, 10 models and 30 days in full, a twentieth of the events by default. */
const shape = { seed: 1, events: isFull ? 1_000_000 : 50_000, keys: 500, models: 10, days: 30, firstDayMs };

let cloned: TestDatabase;
let harness: WorkerHarness;
let tools: JobTools;
const sql = () => cloned.database.sql;

function makeTools(context: WorkerHarness["context"]): JobTools {
  return {
    context,
    logger: context.logger,
    signal: new AbortController().signal,
    updateProgress: async () => undefined,
  };
}

/** As if nothing had ever been merged. */
async function forgetRollups(): Promise<void> {
  await sql()`truncate usage_hour, usage_day, usage_day_key, usage_series, usage_day_touched, usage_hour_dropped`;
  await sql()`update usage_part set merged_at = null`;
}

beforeAll(async () => {
  cloned = await openTestDatabase();
  harness = openWorkerHarness({ databaseUrl: cloned.url, redisUrl: null }, []);
  tools = makeTools(harness.context);
});
afterAll(async () => {
  await harness.stop();
  await cloned.close();
});

describe("a month of many keys", () => {
  beforeAll(async () => {
    await insertSeedEvents(cloned.database, makeSeedEvents(shape));
  }, 600_000);
  beforeEach(forgetRollups);

  test("every grouping is that of raw events, exactly, and quantiles are within 1 %", async () => {
    expect(await handleAggregateUsage(tools, 20_000)).toMatchObject({ events: shape.events });
    expect(await handleMergeRollups(tools)).toMatchObject({ days: shape.days });
    expect(await findRollupDifferences(sql())).toEqual({ differences: [], compared: 23 });
    const { worst, looked } = await findSketchError(sql());
    expect(looked).toBeGreaterThan(4_000);
    expect(worst).toBeLessThanOrEqual(0.01);
    expect(await findRollupLag(sql())).toEqual({ parts: 0, events: 0, oldestSeconds: 0, refusals: 0, days: 0 });
    expect(harness.rollupLags.at(-1)).toMatchObject({ parts: 0, days: 0 });
  }, 600_000);

  test("five that merge at once share the work", async () => {
    const databases = Array.from({ length: 5 }, () =>
      openDatabase({ url: cloned.url, applicationName: "racer", poolMax: 1 }),
    );
    const all = await Promise.all(
      databases.map(async (database) => {
        const racer = makeTools({ ...harness.context, database });
        const { events } = await handleAggregateUsage(racer, 5_000);
        return { events, days: (await handleMergeRollups(racer)).days };
      }),
    );
    await Promise.all(databases.map((database) => database.close()));
    expect(all.reduce((sum, { events }) => sum + events, 0)).toBe(shape.events);
    expect(all.filter(({ events }) => events > 0).length).toBeGreaterThan(1);
    // A day may be computed twice, when parts came between.
    expect(all.reduce((sum, { days }) => sum + days, 0)).toBeGreaterThanOrEqual(shape.days);
    expect((await findRollupDifferences(sql())).differences).toEqual([]);
  }, 600_000);

  test("the check sees a row that is off by one", async () => {
    await handleAggregateUsage(tools);
    await handleMergeRollups(tools);
    await sql()`update usage_day set cost_nano_usd = cost_nano_usd + 1
      where (day, series_id) in (select day, series_id from usage_day limit 1)`;
    const { differences } = await findRollupDifferences(sql());
    expect(differences).toEqual(expect.arrayContaining(["days by key: 2 rows"]));
    expect(differences.some((difference) => difference.startsWith("hours"))).toBe(false);
  }, 600_000);
});

describe("late, doubled and shuffled events", () => {
  test("change no total, and land in their own period", async () => {
    await sql()`truncate usage_hour, usage_day, usage_day_key, usage_series, usage_day_touched`;
    const random = makeSeededRandom();
    console.info(`TEST_SEED=${random.seed}`);
    const before = await sql()`select count(*)::int as count from usage_event`;
    await sql()`update usage_part set merged_at = now() where merged_at is null`;
    const events = [
      ...makeSeedEvents({ ...shape, seed: 2, events: 3_000, keys: 20, days: 9, firstDayMs: firstDayMs + 60 * dayMs }),
    ];
    const deliveries = events.flatMap((event) => Array.from({ length: 1 + random.integer(3) }, () => event));
    for (let index = deliveries.length - 1; index > 0; index--) {
      const other = random.integer(index + 1);
      [deliveries[index], deliveries[other]] = [deliveries[other] as UsageEvent, deliveries[index] as UsageEvent];
    }
    let added = 0;
    for (let start = 0; start < deliveries.length; start += 250) {
      const batch = new Map(deliveries.slice(start, start + 250).map((event) => [event.id, event]));
      added += await insertUsageEvents(sql(), "late", [...batch.values()]);
      if (random.integer(3) === 0) await handleAggregateUsage(tools, 400);
      if (random.integer(4) === 0) await handleMergeRollups(tools);
    }
    expect(added).toBe(events.length);
    await handleAggregateUsage(tools);
    await handleMergeRollups(tools);
    const [sums] = await sql()`
      select (select sum(requests)::int from usage_hour) as hours, (select sum(requests)::int from usage_day) as days,
        (select count(*)::int from usage_event) - ${before[0]?.["count"] ?? 0} as events`;
    expect(sums).toEqual({ hours: events.length, days: events.length, events: events.length });
    for (let day = 0; day < 9; day++) {
      const dayStart = firstDayMs + (60 + day) * dayMs;
      const mine = events.filter(({ atMs }) => atMs >= dayStart && atMs < dayStart + dayMs);
      const [row] = await sql()`
        select sum(requests)::int as requests, sum(cost_nano_usd)::text as cost, sum(input_tokens)::int as input
        from usage_day where day = ${new Date(dayStart).toISOString().slice(0, 10)}`;
      expect(row).toEqual({
        requests: mine.length,
        cost: String(mine.reduce((sum, { costNanoUsd }) => sum + (costNanoUsd ?? 0n), 0n)),
        input: mine.reduce((sum, { inputTokens }) => sum + inputTokens, 0),
      });
    }
  });

  test("a day whose hours retention has dropped is added to, not computed from what came late", async () => {
    // The first try of the late event, whose day retention has dropped too.
    expectPostgresLog(/no partition of relation "usage_event" found/);
    await forgetRollups();
    await sql()`update usage_part set merged_at = now()`;
    const oldMs = Date.parse("2025-02-11T13:00:00Z");
    const at = (offsetMs: number) => makeUsageEvent(oldMs + offsetMs);
    await insertUsageEvents(sql(), "old", [at(0), at(1), at(dayMs)]);
    await handleAggregateUsage(tools);
    await handleMergeRollups(tools);
    expect(await handleManagePartitions(tools)).toMatchObject({ busy: 0 });
    expect(await sql()`select to_regclass('usage_hour_202502') as hours`).toEqual([{ hours: null }]);
    const find = () => sql()`
      select d.day::text, sum(d.requests)::int as requests, sum(d.cost_nano_usd)::int as cost,
        (select requests::int from usage_day_key k where k.day = d.day) as key_requests
      from usage_day d where d.day < '2025-03-01' group by d.day order by 1`;
    const late = at(2);
    await insertUsageEvents(sql(), "old", [late]);
    for (let times = 0; times < 2; times++) {
      await handleAggregateUsage(tools);
      await handleMergeRollups(tools);
      expect(await find()).toEqual([
        { day: "2025-02-11", requests: 3, cost: 3 * 1_234, key_requests: 3 },
        { day: "2025-02-12", requests: 1, cost: 1_234, key_requests: 1 },
      ]);
    }
    expect(await sql()`select sum(requests) as late from usage_hour where hour < '2025-03-01'`).toEqual([
      { late: null },
    ]);
  });
});
