import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../../db/client.ts";
import { migrateDatabase } from "../../../db/migrate.ts";
import { loadUsage } from "../../../server/admin/usage/load-usage.ts";
import { queryUsageInput } from "../../../server/core/usage-question.ts";
import { openEmbeddedPostgres } from "../../../server/platform/embedded-postgres/embedded-postgres.ts";
import { settleOnCores } from "../processes/cores.ts";
import { listDescendants } from "../processes/descendants.ts";
import { insertMonth } from "../usage/insert-month.ts";
import type { Bench, InfoRow, Measure } from "./measure.ts";

const dayMs = 86_400_000;

/** How long the usage page's questions take on rollups of a month of 100 million events. */
export const usagePage: Measure = {
  name: "usage-page",
  title: "questions about a month of 100M events in rollups, 500 keys x 10 models",
  run: async (bench) => {
    const postgres = await openEmbeddedPostgres({ dataDir: mkdtempSync(join(bench.folder, "usage-")) });
    const database = openDatabase({ url: postgres.databaseUrl, applicationName: "bench", poolMax: 1 });
    try {
      await migrateDatabase(postgres.databaseUrl);
      const today = Math.floor(Date.now() / dayMs);
      const day = (number: number) => new Date(number * dayMs).toISOString().slice(0, 10);
      const size = bench.options.quick ? { keys: 50, events: 10_000_000 } : { keys: 500, events: 100_000_000 };
      await insertMonth(database.sql, { ...size, models: 10, days: 30, firstDay: day(today - 30) });
      for (const pid of [postgres.pid, ...listDescendants(postgres.pid)]) settleOnCores(pid, bench.cores.subject);
      const closed = { from: day(today - 30), to: day(today) };
      const info: InfoRow[] = [];
      for (const [name, question] of Object.entries(listQuestions(closed))) {
        const values = await measureQuestion(bench, database.sql, question);
        info.push({ what: `usage: ${name}, p95`, unit: "ms", values: [findP95(values)] });
        bench.print(`  ${name}: p95 ${findP95(values).toFixed(1)} ms`);
      }
      return {
        bars: {},
        info,
        notes: [
          `usage-page: rollups of ${size.events} synthetic events (${size.keys} keys, 10 models, 30 days and today), asked in this process over one connection`,
        ],
        setups: {},
        raw: info,
      };
    } finally {
      await database.close();
      await postgres.stop();
    }
  },
};

function listQuestions(closed: { from: string; to: string }): Record<string, Record<string, unknown>> {
  const plain = { ...closed, percentiles: false };
  return {
    "a month by key, all keys": { ...plain, group_by: "key" },
    "a month by key, top 50 (the page)": { ...plain, group_by: "key", top: 50 },
    "a month until now by key, top 50": { group_by: "key", top: 50, percentiles: false },
    "a month by day": { ...plain, grain: "day" },
    "a month by model": { ...plain, group_by: "model" },
    "a month of one key by day, with percentiles": { ...closed, grain: "day", public_id: "key000000007" },
    "a month of one key by model, with percentiles": { ...closed, group_by: "model", public_id: "key000000007" },
    "a month by key, all keys, with percentiles": { ...closed, group_by: "key" },
  };
}

async function measureQuestion(
  bench: Bench,
  sql: Parameters<typeof loadUsage>[0],
  question: Record<string, unknown>,
): Promise<number[]> {
  const input = queryUsageInput.parse(question);
  const times: number[] = [];
  for (let round = -3; round < (bench.options.quick ? 10 : 60); round++) {
    const startMs = performance.now();
    const { rows } = await loadUsage(sql, { nowMs: Date.now(), rawDays: 30 }, input);
    if (rows.length === 0) throw new Error(`no rows for ${JSON.stringify(question)}`);
    if (round >= 0) times.push(performance.now() - startMs);
  }
  return times;
}

function findP95(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(0.95 * (sorted.length - 1))] ?? 0;
}
