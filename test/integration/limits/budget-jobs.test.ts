import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { updateBudgetProcess } from "../../../db/queries/budget-process.ts";
import { leaseBudgets, openBudgetWindows } from "../../../db/queries/lease-budgets.ts";
import { handleReapLeases } from "../../../workers/jobs/reap-leases.ts";
import { handleResetBudgets } from "../../../workers/jobs/reset-budgets.ts";
import { type JobTools, jobs } from "../../../workers/registry.ts";
import { makeWindow } from "../../support/lease-processes.ts";
import { findRedisLane, openRedisServer, type RedisServer } from "../../support/redis-server.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { openWorkerHarness, type WorkerHarness } from "../../support/worker-harness.ts";

const withRedis = findRedisLane();
let redis: RedisServer | null = null;
let stores: TestDatabase;
let harness: WorkerHarness;
let tools: JobTools;
const sql = () => stores.database.sql;
beforeAll(async () => {
  if (withRedis) redis = await openRedisServer();
});
afterAll(() => redis?.stop());
beforeEach(async () => {
  stores = await openTestDatabase();
  harness = openWorkerHarness({ databaseUrl: stores.url, redisUrl: null }, []);
  const { context } = harness;
  tools = {
    context,
    logger: context.logger,
    signal: new AbortController().signal,
    updateProgress: async () => undefined,
  };
});
afterEach(async () => {
  await harness.stop();
  await stores.close();
});

async function insertWindows(count: number, endsIn: string): Promise<void> {
  await sql()`
    insert into budget_window (window_id, level, subject, period, timezone, starts_at, ends_at, limit_nano_usd, terms_version,
      settled_nano_usd, extra_nano_usd)
    select 'key/' || ${endsIn} || n || '/day/0', 'key', 'k' || n, 'day', 'UTC', now() - interval '2 days',
      now() + ${endsIn}::interval, 5000000000, 1, 1250000000, 1000000000
    from generate_series(1, ${count}) n`;
}
const countClosed = async () =>
  Number((await sql()`select count(*) as n from budget_window where closed_at is not null`)[0]?.n);
const listEnded = () => harness.lines.filter(({ event }) => event === "budget_period_ended");
const listSilent = () => harness.lines.filter(({ event }) => event === "lease_process_silent");

describe("reset-budgets", () => {
  test("closes the windows whose period has ended, and no others, and announces each once", async () => {
    await insertWindows(1_200, "-1 second");
    await insertWindows(3, "1 hour");
    await openBudgetWindows(sql(), [makeTotal()]);
    expect(await handleResetBudgets(tools)).toEqual({ closed: 1_200, leases: 0 });
    expect(await countClosed()).toBe(1_200);
    expect(new Set(listEnded().map(({ window }) => window)).size).toBe(1_200);
    expect(listEnded()[0]).toMatchObject({ limit_usd: "5", extra_usd: "1", spent_usd: "1.25", level: "info" });
    expect(await handleResetBudgets(tools)).toEqual({ closed: 0, leases: 0 });
    expect(listEnded()).toHaveLength(1_200);
  });

  test("four at once share the work", async () => {
    await insertWindows(2_000, "-1 second");
    const done = await Promise.all(Array.from({ length: 4 }, () => handleResetBudgets(tools)));
    expect(done.reduce((sum, { closed }) => sum + closed, 0)).toBe(2_000);
    expect([await countClosed(), listEnded().length]).toEqual([2_000, 2_000]);
  });

  test("killed in the middle of a batch, it announces that batch again and closes it", async () => {
    await insertWindows(10, "-1 second");
    const announce = tools.logger.info.bind(tools.logger);
    let lines = 0;
    const dying = Object.assign(Object.create(tools.logger), {
      info(...values: Parameters<typeof announce>) {
        if (++lines > 4) throw new Error("killed");
        announce(...values);
      },
    });
    await expect(handleResetBudgets({ ...tools, logger: dying })).rejects.toThrow("killed");
    expect(await countClosed()).toBe(0);
    expect(await handleResetBudgets(tools)).toMatchObject({ closed: 10 });
    expect(listEnded()).toHaveLength(14);
  });

  test("deletes leases of closed windows that are drawn, and keeps what somebody may still spend", async () => {
    await insertWindows(3, "-1 second");
    await insertWindows(1, "1 hour");
    const ids = (await sql()`select window_id from budget_window order by ends_at, window_id`).map(
      (row) => row.window_id,
    );
    const [drawn, held, , open] = ids as [string, string, string, string];
    await sql()`insert into budget_lease values ('p', ${drawn}, 70, 70), ('p', ${held}, 70, 69), ('p', ${open}, 70, 70)`;
    expect(await handleResetBudgets(tools)).toEqual({ closed: 3, leases: 1 });
    const left = await sql()`select window_id from budget_lease`;
    expect(left.map((row) => row.window_id).sort()).toEqual([held, open].sort());
  });

  test("a budget begins anew without it", async () => {
    const limit = 1_000n;
    const today = Date.now();
    const windows = [-1, 0].map((day) => makeWindow(limit, { period: "day" }, today + day * 86_400_000));
    await sql()`insert into budget_process (process) values ('p')`;
    let seq = 0;
    for (const { id, terms, startMs, endMs } of windows) {
      await openBudgetWindows(sql(), [{ ...terms, id, startMs, endMs }]);
      const groups = [{ windows: [{ id, min: limit, all: limit, want: 0n }] }];
      const ask = { process: "p", seq: ++seq, share: 8, notify: false, apart: false, terms: [], returns: [], groups };
      expect((await leaseBudgets(sql(), ask)).refused).toEqual([]);
    }
  });
});

function makeTotal() {
  const { id, terms, startMs, endMs } = makeWindow(1n);
  return { ...terms, id, startMs, endMs };
}

describe("reap-leases", () => {
  async function insertProcess(process: string, seen: string, closed = false): Promise<void> {
    await sql()`
      insert into budget_process (process, seen_at, closed_at)
      values (${process}, now() - ${seen}::interval, ${closed ? sql()`now()` : null})`;
    await sql()`insert into budget_lease values (${process}, 'w', 3000000000, 500000000)`;
  }
  const readAll = async () =>
    JSON.stringify([await sql()`select * from budget_lease order by 1`, await sql()`select * from budget_window`]);

  test("tells once of each process that is silent, measures what they hold, and frees nothing", async () => {
    await openBudgetWindows(sql(), [{ ...makeTotal(), id: "w" }]);
    await insertProcess("silent", "61 seconds");
    await insertProcess("live", "50 seconds");
    await insertProcess("closed", "2 hours", true);
    const before = await readAll();
    expect(await handleReapLeases(tools)).toEqual({ silent: 1, processes: 1 });
    expect(await handleReapLeases(tools)).toEqual({ silent: 0, processes: 1 });
    expect(listSilent()).toMatchObject([{ process: "silent", held_usd: "2.5", windows: 1, level: "warn" }]);
    expect(harness.silentLeases.at(-1)).toEqual({ processes: 1, heldGauge: 2.5 });
    expect(await readAll()).toBe(before);
    // It was only stopped: it wakes up, and is not told of until it is silent again.
    await updateBudgetProcess(sql(), "silent");
    expect(await handleReapLeases(tools)).toEqual({ silent: 0, processes: 0 });
    expect(harness.silentLeases.at(-1)).toEqual({ processes: 0, heldGauge: 0 });
    const [row] = await sql()`select silent_at from budget_process where process = 'silent'`;
    expect(row?.silent_at).toBeNull();
  });

  test("four at once tell of each process once", async () => {
    for (let index = 0; index < 250; index++) {
      await sql()`insert into budget_process (process, seen_at) values (${`p${index}`}, now() - interval '2 minutes')`;
    }
    const done = await Promise.all(Array.from({ length: 4 }, () => handleReapLeases(tools)));
    expect(done.reduce((sum, { silent }) => sum + silent, 0)).toBe(250);
    expect(listSilent()).toHaveLength(250);
  });
});

describe.each(withRedis ? (["postgres", "redis"] as const) : (["postgres"] as const))("both jobs on %s", (backend) => {
  test("run by their queue, in two processes", async () => {
    await insertWindows(5, "-1 second");
    await sql()`insert into budget_process (process, seen_at) values ('silent', now() - interval '2 minutes')`;
    const each = jobs
      .filter(({ name }) => name === "reset-budgets" || name === "reap-leases")
      .map((job) => ({ ...job, schedule: "* * * * * *" }));
    expect(each).toHaveLength(2);
    const both = { databaseUrl: stores.url, redisUrl: backend === "redis" ? (redis?.url ?? null) : null };
    const workers = [openWorkerHarness(both, each), openWorkerHarness(both, each)];
    try {
      const all = () => workers.flatMap(({ observations }) => observations);
      await waitUntil(() => all().filter(({ outcome }) => outcome === "completed").length >= 4, "they ran");
      expect(new Set(all().map(({ job }) => job))).toEqual(new Set(["reset-budgets", "reap-leases"]));
      expect(await countClosed()).toBe(5);
      const lines = workers.flatMap((worker) => worker.lines);
      expect(lines.filter(({ event }) => event === "budget_period_ended")).toHaveLength(5);
      expect(lines.filter(({ event }) => event === "lease_process_silent")).toHaveLength(1);
    } finally {
      await Promise.all(workers.map((worker) => worker.stop()));
    }
  });
});
