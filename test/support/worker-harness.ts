import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, openDatabase } from "../../db/client.ts";
import { Secret } from "../../server/core/secret.ts";
import { openClock } from "../../server/platform/clock.ts";
import { openLogger } from "../../server/platform/logger.ts";
import type { JobObservation, SilentLeases } from "../../server/platform/metrics.ts";
import { openQueues } from "../../server/platform/queues.ts";
import type { RollupLagObservation } from "../../server/platform/rollup-lag-observation.ts";
import type { WorkerContext } from "../../workers/context.ts";
import { openWorkers, type Workers } from "../../workers/open-workers.ts";
import type { JobDefinition, JobTools } from "../../workers/registry.ts";

/** One line of the workers' log. */
export type LogLine = Record<string, unknown> & { level: string; msg: string; atMs: number };

/** A process's worth of workers on real stores, with all that they told. */
export interface WorkerHarness {
  context: WorkerContext;
  workers: Workers;
  lines: LogLine[];
  observations: JobObservation[];
  /** What the job that verifies the audit log found, each time. */
  auditChecks: boolean[];
  /** What the job that looks for silent processes found, each time. */
  silentLeases: SilentLeases[];
  /** How far rollups were behind after each run that works on them. */
  rollupLags: RollupLagObservation[];
  stop(graceMs?: number): Promise<void>;
}

export function openWorkerHarness(
  stores: { databaseUrl: string; redisUrl: string | null },
  definitions?: readonly JobDefinition[],
): WorkerHarness {
  const lines: LogLine[] = [];
  const observations: JobObservation[] = [];
  const auditChecks: boolean[] = [];
  const silentLeases: SilentLeases[] = [];
  const rollupLags: RollupLagObservation[] = [];
  const clock = openClock();
  const logger = openLogger(
    { level: "debug", pretty: false, access: false },
    { write: (line) => void lines.push({ ...JSON.parse(line), atMs: performance.now() }) },
  );
  const database: Database = openDatabase({ url: stores.databaseUrl, applicationName: "workers", poolMax: 4 });
  const queues = openQueues({
    databaseUrl: new Secret(stores.databaseUrl),
    redisUrl: stores.redisUrl === null ? null : new Secret(stores.redisUrl),
    logger,
    clock,
  });
  const context: WorkerContext = {
    config: {
      usage: { rawDays: 3, hourDays: 400, partitionDaysAhead: 2 },
      dataDir: join(tmpdir(), `tollgate-workers-${randomUUID()}`),
      sealKey: new Secret("s".repeat(48)),
      sealKeys: [{ version: 1, value: new Secret("s".repeat(48)) }],
      // Receivers of tests are on this machine.
      egress: { allow: ["127.0.0.0/8"] },
      smtp: null,
    },
    database,
    logger,
    metrics: {
      observeJob: (observation) => void observations.push(observation),
      observeAuditChain: (intact) => void auditChecks.push(intact),
      observeKeyAdvice: () => undefined,
      observeSilentLeases: (silent) => void silentLeases.push(silent),
      observeRollupLag: (lag) => void rollupLags.push(lag),
      observeBookDifferences: () => undefined,
    },
    clock,
    queues,
    loadPriceConfig: () => ({ models: new Map(), shorthands: new Map(), prices: new Map() }),
  };
  const workers = openWorkers(context, definitions);
  return {
    context,
    workers,
    lines,
    observations,
    auditChecks,
    silentLeases,
    rollupLags,
    async stop(graceMs = 2_000) {
      await workers.stop(graceMs);
      await queues.close();
      await database.close();
    },
  };
}

/** What a handler gets that a test calls by itself. */
export function makeJobTools({ context }: WorkerHarness): JobTools {
  return {
    context,
    logger: context.logger,
    signal: new AbortController().signal,
    updateProgress: async () => undefined,
  };
}

/** A job for tests; it runs each second unless told otherwise. */
export function makeTestJob(
  name: string,
  handle: (tools: JobTools) => Promise<Record<string, number>>,
  more: Partial<JobDefinition> = {},
): JobDefinition {
  return { name, queue: "upkeep", schedule: "* * * * * *", concurrency: 2, attemptsMax: 3, handle, ...more };
}

/** The most lines that were logged within any second. */
export function findPeakRate(lines: readonly LogLine[]): number {
  let peak = 0;
  for (const [first, { atMs }] of lines.entries()) {
    let last = first;
    while (last < lines.length && (lines[last]?.atMs ?? 0) < atMs + 1_000) last += 1;
    peak = Math.max(peak, last - first);
  }
  return peak;
}
