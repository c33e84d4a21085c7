import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { insertSeedEvents } from "../../scripts/seed/insert-seed-events.ts";
import { makeSeedEvents } from "../../scripts/seed/make-seed-events.ts";
import { findBuiltProgram } from "../support/built-program.ts";
import { findRollupDifferences } from "../support/rollup-laws.ts";
import { makeSeededRandom } from "../support/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";

const isFull = process.env.TEST_TIER === "full";
const kills = isFull ? 20 : 5;
/** Half a minute each. The bar asks for 100: repeat the file, each run has another seed. */
const rounds = isFull ? 10 : 1;
const events = isFull ? 50_000 : 20_000;
const batchEvents = 1_000;
/** The first half of the kills, while there are parts, and the second, while there are days. */
const points = [
  ["hours-added", "hours-committed"],
  ["day-computed", "day-committed"],
] as const;
const firstDayMs = Date.parse("2026-09-01T00:00:00Z");
/** Come after each kill, for days that are computed or are not: late ones, as from a gateway that was away. */
const lateEvents = 300;

let cloned: TestDatabase;
beforeAll(async () => {
  cloned = await openTestDatabase();
  const shape = { seed: 3, events, keys: 100, models: 10, days: 30, firstDayMs };
  await insertSeedEvents(cloned.database, makeSeedEvents(shape));
}, 300_000);
afterAll(() => cloned.close());

/** Runs the merges of usage in a process, and kills it at a point or after a while. @returns the signal that ended it. */
async function runMerges(kill: { failpoint?: string; afterMs?: number }): Promise<NodeJS.Signals | null> {
  const child = spawn(
    process.execPath,
    [findBuiltProgram("rollup-child"), cloned.url, String(batchEvents), kill.failpoint ?? ""],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  if (kill.afterMs !== undefined) {
    await once(child.stdout, "data");
    setTimeout(() => child.kill("SIGKILL"), kill.afterMs);
  }
  const [code, signal] = await ended;
  if (code !== null && code !== 0) throw new Error(`the merges ended with ${code}`);
  return signal;
}

test(`merges killed at ${kills} points: hours and days are those of raw events, exactly`, {
  timeout: isFull ? 3_600_000 : 180_000,
}, async () => {
  const random = makeSeededRandom();
  console.info(`TEST_SEED=${random.seed}`);
  const { sql } = cloned.database;
  for (let round = 0; round < rounds; round++) {
    await sql`truncate usage_hour, usage_day, usage_day_key, usage_series, usage_day_touched`;
    await sql`update usage_part set merged_at = null`;
    let killed = 0;
    for (let index = 0; index < kills; index++) {
      const point = points[index * 2 < kills ? 0 : 1][index % 2];
      const isTimed = index % 5 === 4;
      const signal = await runMerges(
        isTimed ? { afterMs: random.integer(200) } : { failpoint: `${point}:${1 + random.integer(2)}` },
      );
      if (signal === "SIGKILL") killed += 1;
      const late = { seed: random.integer(2 ** 31), events: lateEvents, keys: 100, models: 10, days: 30, firstDayMs };
      await insertSeedEvents(cloned.database, makeSeedEvents(late));
    }
    expect(await runMerges({})).toBe(null);
    // One that is killed by time may have done all that was left.
    expect(killed).toBeGreaterThanOrEqual(Math.floor(kills * 0.7));
    expect(await findRollupDifferences(sql)).toEqual({ differences: [], compared: 23 });
  }
});
