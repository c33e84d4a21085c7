import { randomUUID } from "node:crypto";
import { type Database, openDatabase } from "../../db/client.ts";
import type { BudgetTerms } from "../../server/core/budget.ts";
import { type BudgetWindow, makeBudgetWindow } from "../../server/core/budget-window.ts";
import type { UsageEvent } from "../../server/core/usage-event.ts";
import { Flusher } from "../../server/ledger/flusher.ts";
import { Journal } from "../../server/ledger/journal.ts";
import { RefusalCounts } from "../../server/ledger/refusal-counts.ts";
import type { BudgetHold } from "../../server/limits/budget-hold.ts";
import { BudgetLeases } from "../../server/limits/budget-leases.ts";
import { LeaseConnection } from "../../server/limits/lease-connection.ts";
import { openProcessLease, type ProcessLease } from "../../server/limits/process-lease.ts";
import { type Clock, openClock } from "../../server/platform/clock.ts";
import { openLogger } from "../../server/platform/logger.ts";
import { type Metrics, openMetrics } from "../../server/platform/metrics.ts";
import { listenForBudgetPressure } from "./listen-for-pressure.ts";
import { makeUsageEvent } from "./make-usage-event.ts";
import { makeTestFolder } from "./test-folder.ts";

/** What of a gateway process has to do with budgets: its leases, its journal, its flusher. */
export interface LeaseProcess {
  name: string;
  budgets: BudgetLeases;
  metrics: Metrics;
  flusher: Flusher;
  journalDir: string;
  isWrittenOff(): boolean;
  /** Ends a call that was held: its event is charged `cost` nano-USD. @param call what else its event says. */
  end(hold: BudgetHold, cost: bigint, call?: Partial<Pick<UsageEvent, "atMs" | "publicId">>): Promise<void>;
  /** Ends in order: all is stored, nothing stays leased. */
  close(): Promise<void>;
  /** Ends as by `kill -9`: nothing more reaches PostgreSQL. */
  kill(): Promise<void>;
}

export interface LeaseProcessOptions {
  url: string;
  surplus?: boolean;
  /** Without it, a process does not hear that others are in need. */
  hearsPressure?: boolean;
  flushIntervalMs?: number;
  /** The machine's unless given. */
  clock?: Clock;
}

export async function openLeaseProcess(options: LeaseProcessOptions): Promise<LeaseProcess> {
  const name = randomUUID();
  const database: Database = openDatabase({ url: options.url, applicationName: "test-lease", poolMax: 2 });
  const clock = options.clock ?? openClock();
  const metrics = openMetrics();
  const logger = openLogger({
    level: (process.env.TEST_LOG_LEVEL ?? "silent") as "silent",
    pretty: false,
    access: false,
  });
  const journalDir = makeTestFolder();
  const journal = new Journal({ journalDir, process: name, segmentBytesMax: 1 << 20, clock, metrics });
  const flusher = new Flusher({
    refusals: new RefusalCounts(),
    database,
    journal,
    process: name,
    clock,
    metrics,
    logger,
    flushIntervalMs: options.flushIntervalMs ?? 33,
    batchEventsMax: 4_000,
    pendingEventsMax: 100_000,
  });
  const connection = new LeaseConnection(database, name);
  let isWrittenOff = false;
  const notice = (): void => {
    isWrittenOff = true;
  };
  const processLease: ProcessLease = await openProcessLease(connection, name, notice);
  const budgets = new BudgetLeases({
    connection,
    clock,
    metrics,
    logger,
    flush: () => flusher.flush(),
    surplus: options.surplus ?? true,
    liveProcesses: () => 3,
    onClosed: notice,
  });
  const ear =
    options.hearsPressure === false
      ? null
      : await listenForBudgetPressure(database, name, (id) => budgets.noticePressure(id));
  return {
    name,
    budgets,
    metrics,
    flusher,
    journalDir,
    isWrittenOff: () => isWrittenOff,
    async end(hold, cost, { atMs = clock.nowMs(), ...more } = {}) {
      const event = makeUsageEvent(atMs, {
        ...more,
        reservedNanoUsd: hold.amount,
        costNanoUsd: cost,
        budgetWindows: hold.windowIds,
      });
      const entry = journal.open(event);
      await entry.written;
      hold.settle(cost);
      flusher.add(journal.close(entry, event, hold));
    },
    async close() {
      await budgets.close();
      const left = await flusher.close(5_000);
      await processLease.close(left === 0 && !budgets.isHolding);
      await connection.end();
      await ear?.close();
      journal.shutDown();
      await database.close();
    },
    async kill() {
      await budgets.close();
      await connection.end();
      await ear?.close();
      await database.close();
    },
  };
}

/** Terms of a budget that never begins anew, unless said otherwise. */
function makeTerms(limitNanoUsd: bigint, more: Partial<BudgetTerms> = {}): BudgetTerms {
  return {
    level: "key",
    subject: "abcdefghijkl",
    limitNanoUsd,
    period: "total",
    timezone: "UTC",
    anchorMs: 0,
    version: 1,
    ...more,
  };
}

export function makeWindow(limitNanoUsd: bigint, more: Partial<BudgetTerms> = {}, atMs = Date.now()): BudgetWindow {
  return makeBudgetWindow(makeTerms(limitNanoUsd, more), atMs);
}
