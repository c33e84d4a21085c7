import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import { listTouchedDays, mergeUsageDay } from "../../../db/queries/merge-usage-days.ts";
import { mergeUsageParts } from "../../../db/queries/merge-usage-parts.ts";
import { findRerateRun, listOpenRerateRuns, type RerateRun } from "../../../db/queries/rerate-runs.ts";
import { formatUsd, parseUsd } from "../../../server/core/money.ts";
import { makeCharge, type Price } from "../../../server/core/price.ts";
import { parseStoredPrice } from "../../../server/core/price-schema.ts";
import type { UsageEvent } from "../../../server/core/usage-event.ts";
import { openPriceBook } from "../../../server/limits/price-book.ts";
import { runRerate } from "../../../server/limits/run-rerate.ts";
import { type Config, loadConfig } from "../../../server/platform/config.ts";
import { handleRerateUsage } from "../../../workers/jobs/rerate-usage.ts";
import type { JobTools } from "../../../workers/registry.ts";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { openWorkerHarness, type WorkerHarness } from "../../support/worker-harness.ts";

const configText = `
[models.tiered]
routing = ["up"]
[models.tiered.providers.up]
type = "openai"
model_name = "gpt-6-sol"
api_key_location = "none"
[models.plain]
routing = ["up"]
[models.plain.providers.up]
type = "vllm"
api_base = "http://127.0.0.1:9/v1"
[prices.plain]
input_usd_per_million = 1
output_usd_per_million = 2
[models.bare]
routing = ["up"]
[models.bare.providers.up]
type = "vllm"
api_base = "http://127.0.0.1:9/v1"
`;

let harness: AdminHarness;
let workers: WorkerHarness;
let config: Config;
let folder: string;
const sql = () => harness.test.database.sql;
beforeAll(async () => {
  harness = await openAdminHarness();
  folder = mkdtempSync(join(tmpdir(), "tollgate-rerate-"));
  writeFileSync(join(folder, "tollgate.toml"), configText);
  config = loadConfig({ env: { TOLLGATE_DATA_DIR: folder }, configFile: join(folder, "tollgate.toml") });
  Object.assign(harness.context.config, {
    models: config.models,
    prices: config.prices,
    shorthands: config.shorthands,
  });
  workers = openWorkerHarness({ databaseUrl: harness.test.url, redisUrl: null }, []);
}, 60_000);
afterAll(async () => {
  await workers.stop();
  await harness.close();
  rmSync(folder, { recursive: true, force: true });
});

const dayMs = 86_400_000;
const today = Math.floor(Date.now() / dayMs) * dayMs;
const from = new Date(today - 3 * dayMs).toISOString();
const halfPast = new Date(today - dayMs + 9.5 * 3_600_000).toISOString();

function makeTools(): JobTools {
  return {
    context: { ...workers.context, loadPriceConfig: () => config },
    logger: workers.context.logger,
    signal: new AbortController().signal,
    updateProgress: async () => undefined,
  };
}

const options = (throwIfAborted: () => void = () => undefined) => ({
  sql: sql(),
  config,
  logger: workers.context.logger,
  throwIfAborted,
  updateProgress: async () => undefined,
});

async function begin(input: { budgets?: boolean; models?: string[] } = {}): Promise<RerateRun> {
  const { run } = await harness.system.usage.rerate({ from, ...input });
  return (await findRerateRun(sql(), run?.run_id ?? 0)) as RerateRun;
}

/** Events of three days; what they cost is what some older price said, or nothing. */
async function insertEvents(count: number, seed: number, more: Partial<UsageEvent> = {}): Promise<UsageEvent[]> {
  const seeded = makeSeededRandom(seed);
  const random = () => seeded.next();
  const pick = <T>(values: readonly T[]): T => seeded.pick(values);
  const tokens = (max: number) => (random() < 0.4 ? 0 : Math.floor(random() * max));
  const events = Array.from({ length: count }, () => {
    const cacheWriteTokens = tokens(50_000);
    const isUnpriced = random() < 0.2;
    const source = pick(["reported", "reported", "estimated", "reserved"] as const);
    return makeUsageEvent(today - 3 * dayMs + Math.floor(random() * 3 * dayMs), {
      model: pick(["tiered", "plain", "bare"]),
      publicId: pick(["aaaaaaaaaaaa", "bbbbbbbbbbbb"]) as UsageEvent["publicId"],
      usageSource: source,
      costNanoUsd: isUnpriced ? null : BigInt(Math.floor(random() * 1e9)),
      priceId: isUnpriced ? "" : pick(["old:1", "old:2"]),
      inputTokens: tokens(400_000),
      cachedInputTokens: tokens(50_000),
      cacheWriteTokens,
      hourCacheWriteTokens: Math.min(cacheWriteTokens, tokens(50_000)),
      outputTokens: tokens(100_000),
      reasoningTokens: tokens(100_000),
      inputAudioTokens: tokens(1_000),
      outputAudioTokens: tokens(1_000),
      ...more,
    });
  });
  for (let start = 0; start < count; start += 5_000) {
    await insertUsageEvents(sql(), "test", events.slice(start, start + 5_000));
  }
  await mergeUsageParts(sql(), 100_000);
  return events;
}

const catalogue = openPriceBook(new Map());
const stored = new Map<string, Price>();

/** The prices of now, found apart from the code under test. */
function findOracle(model: string): Price | null {
  if (stored.has(model)) return stored.get(model) ?? null;
  return model === "tiered"
    ? catalogue.find("openai", "gpt-6-sol", model)
    : model === "plain"
      ? (config.prices.get(model) ?? null)
      : null;
}

async function setPrice(model: string, input: string, output: string): Promise<void> {
  const rates = { input_usd_per_million: input, output_usd_per_million: output };
  await harness.system.prices.put({ model, ...rates });
  stored.set(model, parseStoredPrice(model, rates));
}

/** What all events cost in the end, one by one: an own computation over what was inserted. */
function sumOracle(events: readonly UsageEvent[]): { cost: bigint; unpriced: number } {
  let cost = 0n;
  let unpriced = 0;
  for (const event of events) {
    const price = event.usageSource === "reserved" ? null : findOracle(event.model);
    if (price !== null) cost += makeCharge(price, event);
    else if (event.costNanoUsd === null) unpriced += 1;
    else cost += event.costNanoUsd;
  }
  return { cost, unpriced };
}

async function loadTotals(): Promise<{ cost: bigint | null; unpriced: number }> {
  const { totals } = await harness.system.usage.query({ from });
  return { cost: parseUsd(totals.cost_usd), unpriced: totals.unpriced_requests };
}

const countAdjustments = async () =>
  Number((await sql()<{ n: string }[]>`select count(*) as n from usage_adjustment`)[0]?.n);
const sumEvents = async () =>
  (await sql()`select md5(string_agg(e::text, ',' order by at, id)) as sum from usage_event e`)[0];

describe("re-rating", () => {
  const events: UsageEvent[] = [];

  it("comes to what each event costs at the prices of now, and a second run adds nothing", async () => {
    events.push(...(await insertEvents(6_000, 1)));
    const untouched = await sumEvents();
    for (const [round, price] of [null, ["bare", "0.123456789", "7"], ["plain", "3", "0"]].entries()) {
      if (price !== null) await setPrice(...(price as [string, string, string]));
      const before = await loadTotals();
      const preview = await harness.system.usage.rerate({ from, dry_run: true });
      expect(await loadTotals()).toEqual(before);
      const run = await runRerate(options(), await begin());
      const expected = sumOracle(events);
      expect([round, await loadTotals()]).toEqual([round, expected]);
      expect(run.finishedAt).not.toBeNull();
      expect(run.deltaNanoUsd).toBe(expected.cost - (before.cost ?? 0n));
      expect(run.events).toBeGreaterThan(500);
      // The dry run had said the same.
      expect(preview.run).toBeNull();
      expect(preview.report).toMatchObject({
        events: run.events,
        unpriced_events: expected.unpriced - countReserved(),
      });
      const sum = preview.report?.rows.reduce((total, row) => total + Number(row.delta_usd), 0) ?? 0;
      expect(sum).toBeCloseTo(Number(run.deltaNanoUsd) / 1e9, 6);
      const count = await countAdjustments();
      expect(await runRerate(options(), await begin())).toMatchObject({ events: 0, deltaNanoUsd: 0n });
      expect(await countAdjustments()).toBe(count);
    }
    expect(await sumEvents()).toEqual(untouched);
  });

  /** Unpriced events of which nobody told the tokens, and whose model has a price now: reported apart. */
  function countReserved(): number {
    return events.filter(
      ({ usageSource, costNanoUsd, model }) =>
        usageSource === "reserved" && costNanoUsd === null && findOracle(model) !== null,
    ).length;
  }

  it("counts in every group, in the key's own spend, and in what has no price", async () => {
    const { rows } = await harness.system.usage.query({ from, group_by: "model,key", grain: "day" });
    const sums = new Map<string, bigint>();
    for (const row of rows) {
      const name = `${String(row.model)} ${String(row.public_id)} ${String(row.bucket).slice(0, 10)}`;
      sums.set(name, parseUsd(row.cost_usd) ?? -1n);
    }
    const expected = new Map<string, bigint>();
    for (const event of events) {
      const name = `${event.model} ${event.publicId} ${new Date(event.atMs).toISOString().slice(0, 10)}`;
      expected.set(name, (expected.get(name) ?? 0n) + sumOracle([event]).cost);
    }
    expect(sums).toEqual(expected);
  });

  it("counts once in hours, in days, and in what is read from raw events", async () => {
    const all = sumOracle(events);
    expect(await loadTotals()).toEqual(all);
    for (const day of await listTouchedDays(sql())) await mergeUsageDay(sql(), day);
    expect(await loadTotals()).toEqual(all);
    const { totals } = await harness.system.usage.query({ from, grain: "day", timezone: "Asia/Kolkata" });
    expect([parseUsd(totals.cost_usd), totals.unpriced_requests]).toEqual([all.cost, all.unpriced]);
    const { totals: torn } = await harness.system.usage.query({ from, to: halfPast });
    const before = events.filter(({ atMs }) => atMs < Date.parse(halfPast));
    expect([parseUsd(torn.cost_usd), torn.unpriced_requests]).toEqual(Object.values(sumOracle(before)));
  });

  it("goes on where it was killed, and two at once do no more than one", async () => {
    await setPrice("plain", "4", "5");
    await setPrice("tiered", "4", "5");
    await setPrice("bare", "4", "5");
    const run = await begin();
    const count = await countAdjustments();
    let steps = 0;
    const dies = () => {
      steps += 1;
      if (steps > 2) throw new Error("killed");
    };
    await expect(runRerate(options(dies), run)).rejects.toThrow("killed");
    expect(await countAdjustments()).toBeGreaterThan(count);
    expect((await findRerateRun(sql(), run.id))?.finishedAt).toBeNull();
    // Another one of the same range, and the job twice, which takes up both.
    await begin();
    await Promise.all([handleRerateUsage(makeTools()), handleRerateUsage(makeTools())]);
    expect(await listOpenRerateRuns(sql())).toEqual([]);
    expect(await loadTotals()).toEqual(sumOracle(events));
  });

  it("a step that is cancelled leaves nothing of its step", async () => {
    expectPostgresLog(/canceling statement/);
    await setPrice("plain", "6", "7");
    const run = await begin({ models: ["plain"] });
    const cut = sql().begin(async (tx) => {
      // The step waits for this one, and is cancelled in its wait.
      await tx`select pg_advisory_xact_lock(hashtext('tollgate.usage_rollup'))`;
      const step = runRerate(options(), run);
      step.catch(() => undefined);
      await waitUntil(async () => {
        const rows = await sql()`
          select pg_cancel_backend(pid) from pg_stat_activity
          where datname = current_database() and wait_event = 'advisory'`;
        return rows.length > 0;
      }, "the step waits and is cancelled");
      await expect(step).rejects.toThrow("canceling statement");
    });
    await cut;
    expect(await findRerateRun(sql(), run.id)).toMatchObject({ events: 0, nextAt: null });
    await handleRerateUsage(makeTools());
    expect(await loadTotals()).toEqual(sumOracle(events));
  });
});

describe("budgets", () => {
  it("are charged the difference only where that was asked for, and only while their period goes on", async () => {
    await sql()`
      insert into budget_window (window_id, level, subject, period, timezone, starts_at, ends_at, limit_nano_usd, terms_version, settled_nano_usd)
      values ('open', 'key', 'aaaaaaaaaaaa', 'total', 'UTC', now(), null, 1e15, 1, 5000),
        ('over', 'key', 'aaaaaaaaaaaa', 'day', 'UTC', now() - interval '3 days', now() - interval '2 days', 1e15, 1, 5000)`;
    const settled = async () =>
      (
        await sql()<{ id: string; n: string }[]>`
        select window_id as id, settled_nano_usd as n from budget_window order by 1`
      ).map(({ id, n }) => [id, BigInt(n)]);
    const more = { budgetWindows: "open,over", usageSource: "reported", model: "budgeted", provider: "up" } as const;
    const events = await insertEvents(300, 7, { ...more, costNanoUsd: 100n, priceId: "old:1" });
    await setPrice("budgeted", "1", "1");
    await runRerate(options(), await begin({ models: ["budgeted"] }));
    expect(await settled()).toEqual([
      ["open", 35_000n],
      ["over", 35_000n],
    ]);
    await setPrice("budgeted", "2", "2");
    const run = await runRerate(options(), await begin({ models: ["budgeted"], budgets: true }));
    expect(run.events).toBe(events.filter((event) => makeCharge(stored.get("budgeted") as Price, event) > 0n).length);
    expect(await settled()).toEqual([
      ["open", 35_000n + run.deltaNanoUsd],
      ["over", 35_000n],
    ]);
    const [row] = await sql()<{ sum: string; windows: string }[]>`
      select sum(delta_nano_usd) as sum, min(budget_windows) as windows from usage_adjustment where budget_windows is not null`;
    expect(row).toEqual({ sum: run.deltaNanoUsd.toString(), windows: "open" });
    const { entries } = await harness.system.audit.list({ object: "budget_window:open" });
    const told = { actor: "system:rerate-usage", action: "usage.rerate", after: { rerate_run: run.id } };
    expect(entries).toMatchObject(entries.map(() => told));
    expect(entries[0]?.after).toMatchObject({ spent_usd: formatUsd(35_000n + run.deltaNanoUsd) });
  });
});

describe("adjustments", () => {
  it("are never changed, and deleted only after their events", async () => {
    expectPostgresLog(/is refused/);
    await expect(sql()`update usage_adjustment set delta_nano_usd = 0`).rejects.toThrow("only ever added");
    await expect(sql()`delete from usage_adjustment`).rejects.toThrow("its event is still there");
    await expect(sql()`truncate usage_adjustment`).rejects.toThrow("only ever added");
    const day = new Date(today - 3 * dayMs).toISOString().slice(0, 10);
    const of = async () =>
      Number(
        (
          await sql()<{ n: string }[]>`
        select count(*) as n from usage_adjustment where at < ${`${day}T23:59:59.999Z`}::timestamptz`
        )[0]?.n,
      );
    expect(await of()).toBeGreaterThan(0);
    await sql()`update usage_part set merged_at = now()`;
    await sql()`select drop_usage_partition(${day}::date)`;
    const [row] = await sql()<{ n: number }[]>`select delete_usage_adjustments(${day}::date + 1, 1000000) as n`;
    expect(row?.n).toBeGreaterThan(0);
    expect(await of()).toBe(0);
    expect(await countAdjustments()).toBeGreaterThan(0);
  });
});
