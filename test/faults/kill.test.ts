import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { openDatabase } from "../../db/client.ts";
import { findEmbeddedPostgres } from "../../server/platform/embedded-postgres/embedded-postgres.ts";
import { findFreePort } from "../../server/platform/embedded-postgres/free-port.ts";
import {
  compareLedger,
  formatVerdict,
  isUpstreamBusy,
  type LedgerRow,
  type LedgerVerdict,
  listLedgerRows,
  loadUpstreamLog,
} from "../support/ledger-oracle.ts";
import { openLoad } from "../support/load-client.ts";
import { makeScriptedConfig, plainModels, scriptedCalls } from "../support/scripted-models.ts";
import { makeSeededRandom, type SeededRandom } from "../support/seeded-random.ts";
import {
  endInstallations,
  type KillTarget,
  makeHome,
  openTollgate,
  type TollgateProcess,
} from "../support/tollgate-process.ts";
import { openUpstreamProcess, type UpstreamProcess } from "../support/upstream-process.ts";
import { waitUntil } from "../support/wait-until.ts";

afterEach(endInstallations);

const isFull = process.env.TEST_TIER === "full";
/** Kills of one run; the full tier has three times as many. */
const targets: readonly (readonly [KillTarget, number])[] = [
  ["tree", 20],
  ["node", 3],
  ["postmaster", 2],
];
const times = isFull ? 3 : 1;
const rounds = times * targets.reduce((sum, [, count]) => sum + count, 0);

async function listRows(gateway: TollgateProcess): Promise<LedgerRow[]> {
  const store = await findEmbeddedPostgres(gateway.dataDir);
  if (store === null) throw new Error(`its PostgreSQL does not run:\n${gateway.output()}`);
  const database = openDatabase({ url: store.databaseUrl, applicationName: "oracle", poolMax: 1 });
  try {
    return await listLedgerRows(database.sql);
  } finally {
    await database.close();
  }
}

function shuffle<T>(values: T[], random: SeededRandom): T[] {
  for (let last = values.length - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    [values[last], values[other]] = [values[other] as T, values[last] as T];
  }
  return values;
}

/** Compares until nothing is missing, at most a minute: so long a dispatch may take to its row. */
async function settleVerdict(
  gateway: TollgateProcess,
  upstream: UpstreamProcess,
): Promise<[LedgerVerdict, LedgerRow[]]> {
  await waitUntil(() => !isUpstreamBusy(upstream.logFile), "the upstream has ended all answers", 30_000);
  const dispatches = loadUpstreamLog(upstream.logFile);
  let rows: LedgerRow[] = [];
  const deadlineMs = performance.now() + 60_000;
  do {
    rows = await listRows(gateway);
    if (compareLedger(dispatches, rows).missing.length === 0) break;
    await sleep(200);
  } while (performance.now() < deadlineMs);
  return [compareLedger(dispatches, rows), rows];
}

test("kill -9 at random moments under load: each dispatch has one row, none is lost or doubled, nothing is left running", {
  timeout: isFull ? 600_000 : 180_000,
}, async () => {
  const startedMs = performance.now();
  const random = makeSeededRandom();
  console.info(`seed ${random.seed} (TEST_SEED repeats it)`);
  const upstream = await openUpstreamProcess(join(makeHome(), "upstream.log"));
  const home = makeHome(makeScriptedConfig(upstream.url));
  const port = await findFreePort(null);
  let gateway = await openTollgate({ home, port });
  await gateway.ready();
  await waitUntil(() => gateway.adminKey() !== null, "the admin key");
  const load = openLoad({
    urls: [gateway.url],
    keys: [gateway.adminKey() as string],
    concurrency: 24,
    random: makeSeededRandom(random.seed + 1),
    models: scriptedCalls,
    pauseMs: 150,
  });

  const plan = shuffle(
    targets.flatMap(([target, count]) => Array<KillTarget>(count * times).fill(target)),
    random,
  );
  const kills = { tree: 0, node: 0, postmaster: 0, workers: 0, "while starting": 0 };
  let inFlightAtKills = 0;
  const restartsMs: number[] = [];
  const killedAtMs: number[] = [];
  for (const target of plan) {
    await sleep(150 + random.integer(700));
    inFlightAtKills += load.inFlight;
    killedAtMs.push(performance.now());
    expect(gateway.kill(target)).toBeGreaterThan(0);
    kills[target]++;
    if (target === "postmaster") {
      // The gateway goes on without it, and has it again.
      await waitUntil(
        async () => (await gateway.call("GET", "/health", null)).status === 200,
        "all is well again",
        30_000,
      );
      continue;
    }
    await gateway.ended;
    if (random.next() < 0.3) {
      // Again before it is ready: in the middle of initialising, of recovery, of adopting the journal.
      gateway = await openTollgate({ home, port });
      await sleep(50 + random.integer(900));
      killedAtMs.push(performance.now());
      gateway.kill("tree");
      await gateway.ended;
      kills["while starting"]++;
    }
    gateway = await openTollgate({ home, port });
    restartsMs.push(await gateway.ready());
  }
  await load.stop();

  const [verdict, rows] = await settleVerdict(gateway, upstream);
  const byId = new Map(rows.map((row) => [row.id, row]));
  console.info(
    `${formatVerdict(verdict)}\nkills ${JSON.stringify(kills)}, calls ${JSON.stringify({ ...load.counts, answered: load.answered.length })}, ` +
      `in flight at kills ${inFlightAtKills}, restart ms max ${Math.round(Math.max(...restartsMs))}, ` +
      `whole test ${Math.round((performance.now() - startedMs) / 1000)} s`,
  );
  expect(verdict).toMatchObject({ missing: [], duplicate: [], wrong: [] });
  // The test must have had something to find.
  expect(verdict.dispatched).toBeGreaterThan(rounds * 20);
  expect(verdict.reserved).toBeGreaterThan(0);
  expect(verdict.reserved).toBeLessThanOrEqual(inFlightAtKills + 24 * kills["while starting"]);
  // What a client had whole, well before the next kill, is never an estimate of what it may have cost. On a machine whose
  // disk is busy a write to the journal can take as long as this allows.
  const seen = load.answered.filter(
    ({ endedAtMs }) => !killedAtMs.some((ms) => ms > endedAtMs - 50 && ms < endedAtMs + 500),
  );
  expect(seen.length).toBeGreaterThan(0);
  expect(
    seen.filter(({ requestId }) => !["reported", "estimated"].includes(byId.get(requestId)?.usage_source ?? "")),
  ).toEqual([]);

  const guessed = rows.filter((row) => plainModels.has(row.model) && row.usage_source === "estimated");
  expect(guessed).toEqual([]);

  expect(plantFaults(upstream, rows)).toEqual({ missing: 1, duplicate: 1, wrong: 2 });
  expect(await gateway.stop()).toMatchObject({ code: 0 });
  await waitUntil(() => gateway.listProcesses().length === 0, "nothing is left running", 2_000);
  await upstream.close();
});

/** The same comparison of the same run, with one row deleted, one doubled, one with a token too many, one too cheap. */
function plantFaults(upstream: UpstreamProcess, rows: readonly LedgerRow[]) {
  const dispatches = loadUpstreamLog(upstream.logFile);
  const known = new Set(dispatches.map(({ requestId }) => requestId));
  const reported = rows.filter((row) => row.usage_source === "reported" && known.has(row.id));
  const [lost, doubled, miscounted, cheap] = reported as [LedgerRow, LedgerRow, LedgerRow, LedgerRow];
  const planted = rows
    .filter((row) => row !== lost)
    .map((row) => {
      if (row === miscounted) return { ...row, output_tokens: String(Number(row.output_tokens) + 1) };
      return row === cheap ? { ...row, cost_nano_usd: String(Number(row.cost_nano_usd) - 1) } : row;
    });
  const verdict = compareLedger(dispatches, [...planted, doubled]);
  const wrongIds = new Set(verdict.wrong.map((line) => line.split(":", 1)[0]));
  expect(verdict.missing).toEqual([lost.id]);
  expect(verdict.duplicate).toEqual([doubled.id]);
  expect([...wrongIds].sort()).toEqual([miscounted.id, cheap.id].sort());
  return { missing: verdict.missing.length, duplicate: verdict.duplicate.length, wrong: wrongIds.size };
}

test("the oracle sees a real loss: a journal that is deleted before the restart", async () => {
  const upstream = await openUpstreamProcess(join(makeHome(), "upstream.log"));
  const home = makeHome(makeScriptedConfig(upstream.url));
  const port = await findFreePort(null);
  const gateway = await openTollgate({ home, port });
  await gateway.ready();
  await waitUntil(() => gateway.adminKey() !== null, "the admin key");
  const load = openLoad({
    urls: [gateway.url],
    keys: [gateway.adminKey() as string],
    concurrency: 16,
    random: makeSeededRandom(7),
    models: [{ name: "slow", stream: "either" }],
    pauseMs: 0,
  });
  await waitUntil(() => load.answered.length > 20 && load.inFlight > 8, "load");
  gateway.kill("tree");
  await gateway.ended;
  await load.stop();
  rmSync(join(gateway.dataDir, "journal"), { recursive: true });

  const again = await openTollgate({ home, port });
  await again.ready();
  const verdict = compareLedger(loadUpstreamLog(upstream.logFile), await listRows(again));
  expect(verdict.missing.length).toBeGreaterThan(0);
  expect(verdict.dispatched).toBe(verdict.rows + verdict.missing.length);
  expect(await again.stop()).toMatchObject({ code: 0 });
  await upstream.close();
});
