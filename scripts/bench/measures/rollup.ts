import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Database, openDatabase } from "../../../db/client.ts";
import { migrateDatabase } from "../../../db/migrate.ts";
import { listTouchedDays, mergeUsageDay } from "../../../db/queries/merge-usage-days.ts";
import { mergeUsageParts } from "../../../db/queries/merge-usage-parts.ts";
import { openEmbeddedPostgres } from "../../../server/platform/embedded-postgres/embedded-postgres.ts";
import { insertSeedEvents } from "../../seed/insert-seed-events.ts";
import { makeSeedEvents } from "../../seed/make-seed-events.ts";
import { settleOnCores } from "../processes/cores.ts";
import { listDescendants } from "../processes/descendants.ts";
import { median } from "../statistics.ts";
import type { Bench, Measure } from "./measure.ts";

const month = { seed: 1, keys: 500, models: 10, days: 30, firstDayMs: Date.parse("2026-01-01T00:00:00Z") };
/** The job's. */
const batchEvents = 100_000;
/** `/proc` counts in these. */
const ticksPerSecond = 100;

/** One scan of raw events into the same groups as the hours', with the same sums and without sketches. */
const scanText = `select count(*), max(a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10 + a11 + a12), min(first_at), max(last_at) from (
  select count(*) as a1, sum(input_tokens) as a2, sum(cached_input_tokens) as a3, sum(cache_write_tokens) as a4,
    sum(output_tokens) as a5, sum(reasoning_tokens) as a6, sum(input_audio_tokens) as a7, sum(output_audio_tokens) as a8,
    coalesce(sum(cost_nano_usd), 0) as a9, count(*) - count(cost_nano_usd) as a10, sum(bytes_in) as a11, sum(bytes_out) as a12,
    min(at) as first_at, max(at) as last_at
  from usage_event
  group by date_bin('1 hour', at, timestamptz 'epoch'), public_id, owner_id, model, provider, endpoint, status, code, origin, key_tags
) as hours`;

const topOfDays = `select public_id, sum(requests), sum(cost_nano_usd) as cost from usage_day_key
  where day >= '2026-01-01' and day < '2026-01-31' group by 1 order by cost desc limit 10`;
const topOfRaw = `select public_id, count(*), sum(cost_nano_usd) as cost from usage_event
  where at >= '2026-01-01Z' and at < '2026-01-31Z' group by 1 order by cost desc limit 10`;

/** What hours and days of a month cost against one scan of its events, and what a question of it costs from either. */
export const rollup: Measure = {
  name: "rollup",
  title: "a month of 500 keys and 10 models: rollups against one GROUP BY, top-10 keys from rollups against raw",
  run: async (bench) => {
    const postgres = await openEmbeddedPostgres({ dataDir: mkdtempSync(join(bench.folder, "rollup-")) });
    // One connection: what its process in PostgreSQL spends is what is measured.
    const database = openDatabase({ url: postgres.databaseUrl, applicationName: "bench", poolMax: 1 });
    try {
      await migrateDatabase(postgres.databaseUrl);
      const events = bench.options.quick ? 100_000 : 1_000_000;
      await insertSeedEvents(database, makeSeedEvents({ ...month, events }));
      const { sql } = database;
      for (const pid of [postgres.pid, ...listDescendants(postgres.pid)]) settleOnCores(pid, bench.cores.subject);
      await sql`set max_parallel_workers_per_gather = 0`;
      await sql.unsafe("vacuum analyze usage_event");
      const rounds = bench.options.quick ? 2 : Math.min(bench.options.rounds, 7);
      const measured = await measureRounds(bench, database, events, rounds);
      const hours = await sql`select count(*)::int as rows from usage_hour`;
      const days = await sql`select count(*)::int as rows from usage_day`;
      return {
        bars: { rollup: measured.ratios, "top-keys": measured.speedups },
        info: [
          { what: "rollup: CPU of hours and days", unit: "s", values: measured.merges },
          { what: "rollup: CPU of one scan", unit: "s", values: measured.scans },
          { what: "top-10 keys of a month from rollups", unit: "ms", values: measured.fromDays },
          { what: "top-10 keys of a month from raw events", unit: "ms", values: measured.fromRaw },
        ],
        notes: [
          `rollup: CPU seconds of PostgreSQL's process for the connection, hours and days with sketches against one scan into the same groups without; ${events} events in parts of 1,000, seed ${month.seed}, into ${hours[0]?.["rows"]} rows of hours and ${days[0]?.["rows"]} of days; batches of ${batchEvents} events; no parallel workers; PostgreSQL on core ${bench.cores.subject}`,
          "top-keys: elapsed time of the statement at the client, the median of 11 in each round; both gave the same keys and the same cost",
        ],
        setups: {},
        raw: measured,
      };
    } finally {
      await database.close();
      await postgres.stop();
    }
  },
};

interface Measured {
  ratios: number[];
  speedups: number[];
  merges: number[];
  scans: number[];
  fromDays: number[];
  fromRaw: number[];
}

async function measureRounds(bench: Bench, database: Database, events: number, rounds: number): Promise<Measured> {
  const { sql } = database;
  const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const cpu = (): number => readCpuSeconds(backend?.pid ?? 0);
  const spend = async (run: () => Promise<void>): Promise<number> => {
    const before = cpu();
    await run();
    return cpu() - before;
  };
  const measured: Measured = { ratios: [], speedups: [], merges: [], scans: [], fromDays: [], fromRaw: [] };
  const scan = async (): Promise<void> => void (await sql.unsafe(scanText));
  for (let round = 0; round <= rounds; round++) {
    await sql`truncate usage_hour, usage_day, usage_day_key, usage_series, usage_day_touched`;
    await sql`update usage_part set merged_at = null`;
    await sql.unsafe("checkpoint");
    const before = await spend(scan);
    const merge = await spend(() => mergeAll(database, events));
    const after = await spend(scan);
    const scanned = (before + after) / 2;
    const [fromDays, fromRaw] = await askBoth(database);
    // The first warms up.
    if (round === 0) continue;
    measured.merges.push(merge);
    measured.scans.push(scanned);
    measured.ratios.push(merge / scanned);
    measured.fromDays.push(fromDays);
    measured.fromRaw.push(fromRaw);
    measured.speedups.push(fromRaw / fromDays);
    bench.print(
      `  round ${round}: rollup ${merge.toFixed(2)} s, scan ${scanned.toFixed(2)} s, ${(merge / scanned).toFixed(2)}x; top-10 ${fromDays.toFixed(1)} ms, raw ${fromRaw.toFixed(0)} ms, ${(fromRaw / fromDays).toFixed(0)}x`,
    );
  }
  return measured;
}

async function mergeAll({ sql }: Database, events: number): Promise<void> {
  let merged = 0;
  for (let batch = 1; batch > 0; merged += batch) batch = (await mergeUsageParts(sql, batchEvents)).events;
  if (merged !== events) throw new Error(`${merged} of ${events} events were merged`);
  for (const day of await listTouchedDays(sql)) await mergeUsageDay(sql, day);
  const [sums] = await sql<{ days: string; keys: string }[]>`
    select (select sum(requests) from usage_day) as days, (select sum(requests) from usage_day_key) as keys`;
  if (Number(sums?.days) !== events || Number(sums?.keys) !== events) {
    throw new Error(`days hold ${sums?.days} of ${events} events, days by key ${sums?.keys}`);
  }
}

/** Medians of what both questions take, one after the other. @throws where they do not give the same. */
async function askBoth({ sql }: Database): Promise<[number, number]> {
  const times: [number[], number[]] = [[], []];
  for (let turn = 0; turn < 11; turn++) {
    const answers = [];
    for (const [index, text] of [topOfDays, topOfRaw].entries()) {
      const startMs = performance.now();
      answers.push(JSON.stringify((await sql.unsafe(text)).map((row) => [row["public_id"], row["cost"]])));
      times[index]?.push(performance.now() - startMs);
    }
    if (answers[0] !== answers[1]) throw new Error("rollups and raw events name other keys, or other costs");
  }
  return [median(times[0]), median(times[1])];
}

/** User and system time of a process so far. Source: proc(5), fields 14 and 15 of `/proc/PID/stat`. */
function readCpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
