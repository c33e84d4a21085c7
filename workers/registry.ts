import type { Logger } from "../server/platform/logger.ts";
import type { QueueName } from "../server/platform/queues.ts";
import type { WorkerContext } from "./context.ts";
import { handleAdoptJournals } from "./jobs/adopt-journals.ts";
import { handleAggregateUsage } from "./jobs/aggregate-usage.ts";
import { handleDeliverWebhooks } from "./jobs/deliver-webhooks.ts";
import { handleEvaluateAlerts } from "./jobs/evaluate-alerts.ts";
import { handleExpireKeys } from "./jobs/expire-keys.ts";
import { handleFlagStaleKeys } from "./jobs/flag-stale-keys.ts";
import { handleManagePartitions } from "./jobs/manage-partitions.ts";
import { handleMergeRollups } from "./jobs/merge-rollups.ts";
import { handleReapLeases } from "./jobs/reap-leases.ts";
import { handleReconcileSpend } from "./jobs/reconcile-spend.ts";
import { handleRerateUsage } from "./jobs/rerate-usage.ts";
import { handleResetBudgets } from "./jobs/reset-budgets.ts";
import { handleVerifyAuditChain } from "./jobs/verify-audit-chain.ts";

/** What a handler is given for one run. */
export interface JobTools {
  context: WorkerContext;
  logger: Logger;
  /** Look at it between batches: once aborted, throw it (`signal.throwIfAborted()`), and the run goes back. */
  signal: AbortSignal;
  updateProgress(percent: number): Promise<void>;
}

/**
 * One kind of job. Its handler is idempotent, safe to run twice at once, and safe to kill at any point; it returns what
 * it did as numbers.
 */
export interface JobDefinition {
  name: string;
  queue: QueueName;
  /** Cron, seconds optional, in UTC. */
  schedule: string;
  /** Runs of its queue that this process takes at once for it. */
  concurrency: number;
  /** First try and retries together. */
  attemptsMax: number;
  handle(tools: JobTools): Promise<Record<string, number>>;
}

/** Every job there is. */
export const jobs: readonly JobDefinition[] = [
  {
    name: "adopt-journals",
    queue: "upkeep",
    schedule: "40 * * * * *",
    concurrency: 1,
    attemptsMax: 3,
    handle: handleAdoptJournals,
  },
  {
    name: "aggregate-usage",
    queue: "upkeep",
    schedule: "*/10 * * * * *",
    concurrency: 1,
    attemptsMax: 5,
    handle: (tools) => handleAggregateUsage(tools),
  },
  {
    name: "deliver-webhooks",
    queue: "delivery",
    schedule: "*/5 * * * * *",
    concurrency: 2,
    attemptsMax: 3,
    handle: handleDeliverWebhooks,
  },
  {
    name: "evaluate-alerts",
    queue: "upkeep",
    schedule: "* * * * *",
    concurrency: 1,
    attemptsMax: 3,
    handle: handleEvaluateAlerts,
  },
  {
    name: "expire-keys",
    queue: "upkeep",
    schedule: "* * * * *",
    concurrency: 1,
    attemptsMax: 5,
    handle: handleExpireKeys,
  },
  {
    name: "flag-stale-keys",
    queue: "upkeep",
    schedule: "0 6 * * 1",
    concurrency: 1,
    attemptsMax: 5,
    handle: handleFlagStaleKeys,
  },
  {
    name: "manage-partitions",
    queue: "upkeep",
    // Each hour, though days change once: a day's partition is ready 24 tries before it is needed.
    schedule: "7 * * * *",
    concurrency: 1,
    attemptsMax: 8,
    handle: handleManagePartitions,
  },
  {
    name: "merge-rollups",
    queue: "upkeep",
    // After the first look at new parts of the minute: at midnight yesterday's last parts are mostly in its hours by then.
    schedule: "25 * * * * *",
    concurrency: 1,
    attemptsMax: 5,
    handle: handleMergeRollups,
  },
  {
    name: "reap-leases",
    queue: "upkeep",
    schedule: "* * * * *",
    concurrency: 1,
    attemptsMax: 3,
    handle: handleReapLeases,
  },
  {
    name: "rerate-usage",
    queue: "upkeep",
    // Somebody waits for it; where nothing was asked for it is one look at an index.
    schedule: "*/10 * * * * *",
    concurrency: 1,
    attemptsMax: 5,
    handle: handleRerateUsage,
  },
  {
    name: "reconcile-spend",
    queue: "upkeep",
    // At night, beside no other job of the hour: it reads every raw event that is kept.
    schedule: "20 3 * * *",
    concurrency: 1,
    attemptsMax: 3,
    handle: handleReconcileSpend,
  },
  {
    name: "reset-budgets",
    queue: "upkeep",
    schedule: "* * * * *",
    concurrency: 1,
    attemptsMax: 5,
    handle: handleResetBudgets,
  },
  {
    name: "verify-audit-chain",
    queue: "upkeep",
    schedule: "37 * * * *",
    concurrency: 1,
    attemptsMax: 3,
    handle: handleVerifyAuditChain,
  },
];
