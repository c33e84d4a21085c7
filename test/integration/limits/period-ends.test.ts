import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Budget, PublicId } from "../../../server/core/api-key.ts";
import type { KnownKey } from "../../../server/keys/known-key.ts";
import { findBudgets } from "../../../server/proxy/find-budgets.ts";
import { handleResetBudgets } from "../../../workers/jobs/reset-budgets.ts";
import type { JobTools } from "../../../workers/registry.ts";
import { makeBudgetedKey } from "../../support/budgeted-key.ts";
import { type LeaseProcess, openLeaseProcess } from "../../support/lease-processes.ts";
import { type MovedClock, openMovedClock } from "../../support/moved-clock.ts";
import { plantFault } from "../../support/plant-fault.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { openWorkerHarness, type WorkerHarness } from "../../support/worker-harness.ts";

/** Budgets whose periods begin and end at these instants, worked out by hand: four periods in a row. */
interface PeriodCase {
  name: string;
  budget: Omit<Budget, "limitNanoUsd">;
  createdAt?: string;
  edges: readonly string[];
}

const cases: readonly PeriodCase[] = [
  {
    name: "a midnight that clocks skip (Sao Paulo, 4 November 2018)",
    budget: { period: "day", timezone: "America/Sao_Paulo" },
    edges: ["2018-11-03T03:00Z", "2018-11-04T03:00Z", "2018-11-05T02:00Z", "2018-11-06T02:00Z", "2018-11-07T02:00Z"],
  },
  {
    name: "clocks that go back by half an hour (Lord Howe, 5 April 2026)",
    budget: { period: "day", timezone: "Australia/Lord_Howe" },
    edges: ["2026-04-03T13:00Z", "2026-04-04T13:00Z", "2026-04-05T13:30Z", "2026-04-06T13:30Z", "2026-04-07T13:30Z"],
  },
  {
    name: "a day that never was (Apia, 30 December 2011)",
    budget: { period: "day", timezone: "Pacific/Apia" },
    edges: ["2011-12-28T10:00Z", "2011-12-29T10:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z", "2012-01-01T10:00Z"],
  },
  {
    name: "the end of months and of a year (Berlin)",
    budget: { period: "month", timezone: "Europe/Berlin" },
    edges: ["2025-10-31T23:00Z", "2025-11-30T23:00Z", "2025-12-31T23:00Z", "2026-01-31T23:00Z", "2026-02-28T23:00Z"],
  },
  {
    name: "weeks over the end of a year (Kolkata)",
    budget: { period: "week", timezone: "Asia/Kolkata" },
    edges: ["2025-12-21T18:30Z", "2025-12-28T18:30Z", "2026-01-04T18:30Z", "2026-01-11T18:30Z", "2026-01-18T18:30Z"],
  },
  {
    name: "30 days from a 31st",
    budget: { period: "30d" },
    createdAt: "2025-12-31T09:30Z",
    edges: ["2025-12-31T09:30Z", "2026-01-30T09:30Z", "2026-03-01T09:30Z", "2026-03-31T09:30Z", "2026-04-30T09:30Z"],
  },
  {
    name: "a leap day",
    budget: { period: "day" },
    edges: ["2028-02-28T00:00Z", "2028-02-29T00:00Z", "2028-03-01T00:00Z", "2028-03-02T00:00Z", "2028-03-03T00:00Z"],
  },
  {
    name: "a February with a leap day",
    budget: { period: "month" },
    edges: ["2028-01-01T00:00Z", "2028-02-01T00:00Z", "2028-03-01T00:00Z", "2028-04-01T00:00Z", "2028-05-01T00:00Z"],
  },
];

const unit = 1_000_000n;
const processCount = 3;
const lanesEach = 3;
/** So long before and after each edge calls are made. */
const aroundMs = 60;
const callMsMax = 40;
const noRules = { version: 0, findBudgets: () => [] };

const random = makeSeededRandom();
let stores: TestDatabase;
let clock: MovedClock;
let processes: LeaseProcess[];
let harness: WorkerHarness;
let tools: JobTools;
const sql = () => stores.database.sql;

beforeEach(async () => {
  stores = await openTestDatabase();
  clock = openMovedClock(Date.parse("2018-01-01T00:00Z"));
  processes = await Promise.all(
    Array.from({ length: processCount }, () => openLeaseProcess({ url: stores.url, clock })),
  );
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
  await Promise.all(processes.map((process) => process.close()));
  await harness.stop();
  await stores.close();
});

interface Run {
  publicId: PublicId;
  edgesMs: readonly number[];
  /** Admitted calls, by the test's own notes. */
  calls: { atMs: number; endedAtMs: number; cost: bigint }[];
  refused: number;
}

let keys = 0;
const makeKeys = ({ budget, createdAt, edges }: PeriodCase, limit: bigint): KnownKey[] => {
  const publicId = `period${String(++keys).padStart(6, "0")}`;
  const made = new Date(createdAt ?? (edges[0] as string));
  return processes.map(() => makeBudgetedKey(publicId, [{ limitNanoUsd: limit, ...budget }], made));
};

/** Calls over all processes around each edge between the periods, with the clock going on over it. */
async function runOverEdges(one: PeriodCase, known = makeKeys(one, 10_000n * unit)): Promise<Run> {
  const run: Run = {
    publicId: (known[0] as KnownKey).key.publicId,
    edgesMs: one.edges.map((edge) => Date.parse(edge)),
    calls: [],
    refused: 0,
  };
  /** @param untilMs it goes on at least until then. */
  const callOnce = async (index: number, untilMs = 0): Promise<void> => {
    const process = processes[index] as LeaseProcess;
    const atMs = clock.nowMs();
    const hold = await process.budgets.reserve(findBudgets(known[index] as KnownKey, noRules, atMs), unit, unit);
    if (!hold.ok) {
      run.refused++;
      return;
    }
    do await sleep(random.integer(callMsMax));
    while (clock.nowMs() < untilMs);
    const cost = BigInt(random.integer(Number(unit)) + 1);
    run.calls.push({ atMs: Math.floor(atMs), endedAtMs: clock.nowMs(), cost });
    await process.end(hold, cost, { atMs: Math.floor(atMs), publicId: run.publicId });
  };
  for (const edgeMs of run.edgesMs.slice(1, -1)) {
    clock.setMs(edgeMs - aroundMs);
    const lanes = Array.from({ length: processCount * lanesEach }, async (_, lane) => {
      // One call at least begins before the edge and ends behind it, however slow this machine is.
      if (lane === 0) await callOnce(0, edgeMs);
      const isOver = () => clock.nowMs() >= edgeMs + aroundMs && run.calls.some(({ atMs }) => atMs >= edgeMs);
      while (!isOver()) await callOnce(lane % processCount);
    });
    await Promise.all(lanes);
  }
  await Promise.all(processes.map(({ flusher }) => flusher.flush()));
  return run;
}

interface StoredWindow {
  id: string;
  startMs: number;
  endMs: number;
  settled: bigint;
}

async function listWindows({ publicId }: Pick<Run, "publicId">): Promise<StoredWindow[]> {
  const rows = await sql()<{ id: string; starts: string; ends: string; settled: string }[]>`
    select window_id as id, extract(epoch from starts_at) * 1000 as starts, extract(epoch from ends_at) * 1000 as ends,
      settled_nano_usd as settled
    from budget_window where subject = ${publicId} order by starts_at`;
  return rows.map((row) => ({
    id: row.id,
    startMs: Number(row.starts),
    endMs: Number(row.ends),
    settled: BigInt(row.settled),
  }));
}

const sumBetween = (calls: readonly { atMs: number; cost: bigint }[], fromMs: number, toMs: number): bigint =>
  calls.reduce((sum, { atMs, cost }) => (atMs >= fromMs && atMs < toMs ? sum + cost : sum), 0n);

/** What is wrong with the books: against the test's own notes, and against the stored events. */
async function listFaults(run: Run): Promise<string[]> {
  const rows = await sql()<{ at: string; cost: string; windows: string }[]>`
    select extract(epoch from at) * 1000 as at, cost_nano_usd as cost, budget_windows as windows from usage_event
    where public_id = ${run.publicId}`;
  const events = rows.map(({ at, cost, windows }) => ({ atMs: Number(at), cost: BigInt(cost), windows }));
  const stored = new Map((await listWindows(run)).map((window) => [window.startMs, window]));
  const faults: string[] = [];
  if (events.length !== run.calls.length) faults.push(`${events.length} events of ${run.calls.length} calls`);
  run.edgesMs.slice(0, -1).forEach((startMs, index) => {
    const endMs = run.edgesMs[index + 1] as number;
    const window = stored.get(startMs);
    stored.delete(startMs);
    const sums = [sumBetween(run.calls, startMs, endMs), sumBetween(events, startMs, endMs)];
    if (window?.endMs !== endMs || sums.some((sum) => sum !== window.settled || sum === 0n)) {
      faults.push(`period ${index}: ${window?.settled} until ${window?.endMs}, not ${sums} until ${endMs}`);
    }
    const strayed = events.filter(({ atMs, windows }) => windows === window?.id && (atMs < startMs || atMs >= endMs));
    if (strayed.length > 0) faults.push(`period ${index}: ${strayed.length} calls of another`);
  });
  if (stored.size > 0) faults.push(`${stored.size} windows of no period`);
  return faults;
}

/** What was announced of a key, by window. */
function countAnnounced({ publicId }: Pick<Run, "publicId">): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { event, window } of harness.lines) {
    if (event !== "budget_period_ended" || !String(window).includes(publicId)) continue;
    counts[String(window)] = (counts[String(window)] ?? 0) + 1;
  }
  return counts;
}

describe.each(cases)("$name", (one) => {
  it("calls are charged to the period that admitted them, and a job that slept announces each period once", async () => {
    const run = await runOverEdges(one);
    expect(await listFaults(run)).toEqual([]);
    expect(run.refused).toBe(0);
    for (const edgeMs of run.edgesMs.slice(1, -1)) {
      const across = run.calls.filter(({ atMs, endedAtMs }) => atMs < edgeMs && endedAtMs >= edgeMs);
      expect(across.length).toBeGreaterThan(0);
    }
    // No job has run so far. This one missed at least three ends, or none where the database's clock has not passed them.
    const windows = await listWindows(run);
    const ended = windows.filter(({ endMs }) => endMs <= Date.now());
    expect([0, 4]).toContain(ended.length);
    for (let round = 0; round < 3; round++) await handleResetBudgets(tools);
    expect(countAnnounced(run)).toEqual(Object.fromEntries(ended.map(({ id }) => [id, 1])));
    const told = harness.lines.filter(({ window }) => ended.some(({ id }) => id === window));
    const spent = new Map(told.map(({ window, spent_usd }) => [window, BigInt(Math.round(Number(spent_usd) * 1e9))]));
    expect(spent).toEqual(new Map(ended.map(({ id, settled }) => [id, settled])));
  });
});

describe("a budget that is used up", () => {
  it("begins anew at each of these edges, with no job", async () => {
    const [process] = processes as [LeaseProcess];
    for (const one of cases) {
      const known = makeKeys(one, 3n * unit)[0] as KnownKey;
      const spend = async (): Promise<number> => {
        for (let admitted = 0; ; admitted++) {
          const hold = await process.budgets.reserve(findBudgets(known, noRules, clock.nowMs()), unit, unit);
          if (!hold.ok) return admitted;
          await process.end(hold, unit);
        }
      };
      const admitted: number[] = [];
      for (const [index, edge] of one.edges.slice(0, -1).entries()) {
        clock.setMs(Date.parse(edge));
        admitted.push(await spend());
        clock.setMs(Date.parse(one.edges[index + 1] as string) - 5_000);
        expect(await spend(), one.name).toBe(0);
      }
      expect(admitted, one.name).toEqual([3, 3, 3, 3]);
      await process.flusher.flush();
      const settled = (await listWindows(known.key)).map((window) => window.settled);
      expect(settled, one.name).toEqual(Array(4).fill(3n * unit));
    }
  });
});

describe("a call that is still running when the job closes its period", () => {
  it("is charged to that period, which is not announced again", async () => {
    const [one] = cases as [PeriodCase];
    const [known] = makeKeys(one, 10n * unit) as [KnownKey];
    const [process] = processes as [LeaseProcess];
    clock.setMs(Date.parse(one.edges[1] as string) - 1);
    const hold = await process.budgets.reserve(findBudgets(known, noRules, clock.nowMs() - 1), unit, unit);
    if (!hold.ok) throw new Error(hold.reason);
    expect(await handleResetBudgets(tools)).toMatchObject({ closed: 1 });
    await sleep(5);
    await process.end(hold, unit);
    await process.flusher.flush();
    expect((await listWindows(known.key)).map(({ settled }) => settled)).toEqual([unit]);
    expect(await handleResetBudgets(tools)).toMatchObject({ closed: 0 });
    expect(Object.values(countAnnounced(known.key))).toEqual([1]);
  });
});

describe("the checks above", () => {
  const [one] = cases as [PeriodCase];

  it("see a process that keeps a window past its end", async () => {
    const known = makeKeys(one, 10_000n * unit);
    for (const each of known) {
      const stuck = { value: null as KnownKey["budgets"] };
      Object.defineProperty(each, "budgets", {
        get: () => stuck.value,
        set: (budgets: NonNullable<KnownKey["budgets"]>) => {
          stuck.value = { ...budgets, untilMs: budgets.untilMs + aroundMs / 2 };
        },
      });
    }
    const faults = await listFaults(await runOverEdges(one, known));
    expect(faults.join()).toMatch(/period 1: \d+ until/);
    expect(faults.join()).toMatch(/period 0: \d+ calls of another/);
  });

  it("see a charge that is lost, and an end that is announced twice", async () => {
    await plantFault(sql(), "settle_budgets", "+ p_cost[v_index]", "+ p_cost[v_index] / 2");
    const run = await runOverEdges(one);
    expect(await listFaults(run)).toHaveLength(4);
    await sql()`create function forget_end() returns trigger language plpgsql as
      'begin new.closed_at := null; return new; end'`;
    await sql()`create trigger forget_end before update on budget_window for each row execute function forget_end()`;
    for (let round = 0; round < 2; round++) await handleResetBudgets(tools);
    // A row that is locked just then is left for the next round.
    expect(Math.max(...Object.values(countAnnounced(run)))).toBe(2);
  });
});
