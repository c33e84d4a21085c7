import type { Database } from "../../db/client.ts";
import { listWindowUses } from "../../db/queries/list-window-uses.ts";
import type { RateBucket } from "../core/rate-limit.ts";
import type { Counts } from "../platform/count-metrics.ts";
import { findLookBackMs } from "./rate-counter.ts";
import type { LoadSeed, SeedStep } from "./rate-windows.ts";

/** Buckets that are asked for within this time go in one query. */
const gatherMs = 10;
/** A call waits no longer; the query goes on, and what it brings is there for the next one. */
const patienceMs = 2_000;

/** The ledger did not answer in time. */
class SeedTimeout extends Error {
  override readonly name = "SeedTimeout";
}

interface Waiting {
  bucket: RateBucket;
  resolve(steps: readonly SeedStep[]): void;
  reject(error: unknown): void;
}

/**
 * Reads from the ledger what was used before a counter was there: one query for all buckets of a length that are waiting, and
 * each bucket once however many calls wait for it. Windows of different lengths do not wait for each other, because a month
 * takes far longer to read than a minute.
 */
export function makeWindowSeeder(
  { sql }: Pick<Database, "sql">,
  metrics: Pick<Counts, "rateSeeds" | "rateSeedFailures">,
): LoadSeed {
  const running = new Map<string, Promise<readonly SeedStep[]>>();
  const waiting = new Map<number, Waiting[]>();

  const read = async (windowMs: number): Promise<void> => {
    const batch = waiting.get(windowMs) ?? [];
    waiting.delete(windowMs);
    try {
      const questions = batch.map(({ bucket }) => ({ resource: bucket.limit.resource, scope: bucket.scope }));
      const found: SeedStep[][] = batch.map(() => []);
      for (const { question, ...step } of await listWindowUses(sql, windowMs, questions)) found[question]?.push(step);
      metrics.rateSeeds += batch.length;
      for (const [index, { resolve }] of batch.entries()) resolve(found[index] ?? []);
    } catch (error) {
      metrics.rateSeedFailures += batch.length;
      for (const { reject } of batch) reject(error);
    }
  };

  const ask = (bucket: RateBucket): Promise<readonly SeedStep[]> =>
    new Promise((resolve, reject) => {
      const windowMs = findLookBackMs(bucket.limit);
      const batch = waiting.get(windowMs);
      if (batch !== undefined) {
        batch.push({ bucket, resolve, reject });
        return;
      }
      waiting.set(windowMs, [{ bucket, resolve, reject }]);
      setTimeout(() => void read(windowMs), gatherMs);
    });

  return async (bucket) => {
    let answer = running.get(bucket.id);
    if (answer === undefined) {
      answer = ask(bucket).finally(() => running.delete(bucket.id));
      running.set(bucket.id, answer);
    }
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new SeedTimeout("the ledger did not answer in time")), patienceMs);
    });
    try {
      return await Promise.race([answer, tooLate]);
    } finally {
      clearTimeout(timer);
    }
  };
}
