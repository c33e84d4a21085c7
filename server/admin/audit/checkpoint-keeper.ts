import type postgres from "postgres";
import { findAuditProblem } from "../../../db/queries/find-audit-problem.ts";
import { findAuditHead } from "../../../db/queries/list-audit-rows.ts";
import type { AuditCheckpoint } from "../../core/audit-chain.ts";
import { type CheckpointPlace, loadAuditCheckpoint, updateAuditCheckpoint } from "../../platform/audit-checkpoint.ts";
import { waitFor } from "../../platform/backoff.ts";
import type { Logger } from "../../platform/logger.ts";
import type { Metrics } from "../../platform/metrics.ts";

export interface CheckpointKeeperDeps {
  sql: postgres.Sql;
  config: CheckpointPlace;
  logger: Logger;
  metrics: Pick<Metrics, "observeAuditChain">;
  everyMs?: number;
}

export interface CheckpointKeeper {
  /** Looks now. Never throws. */
  update(): Promise<void>;
  /** Ends it after a last look. */
  close(): Promise<void>;
}

/** With it a checkpoint is never older than a minute, also where one look is slow. */
const defaultEveryMs = 30_000;
const closeMs = 500;

/**
 * Keeps a signed checkpoint of the audit chain outside of the database: what is before it can be neither cut off nor
 * rolled back unseen. It moves on only over entries that follow on it; otherwise it stays, and the log says so.
 */
export function openCheckpointKeeper(deps: CheckpointKeeperDeps): CheckpointKeeper {
  const { sql, config, logger, metrics } = deps;
  let kept: AuditCheckpoint | null = null;
  let running: Promise<void> | null = null;

  async function moveOn(): Promise<void> {
    const loaded = loadAuditCheckpoint(config);
    if (loaded === "forged") {
      return tellBroken("the checkpoint in the data folder is not signed with this deployment's seal key");
    }
    // A file that was taken away while this runs comes back.
    const checkpoint = loaded === "none" ? kept : loaded;
    const head = await findAuditHead(sql);
    if (checkpoint === null) {
      if (head !== null) keep(head);
      return;
    }
    if (loaded !== "none" && head?.seq === checkpoint.seq && head.hash === checkpoint.hash) {
      kept = checkpoint;
      return;
    }
    const verdict = await findAuditProblem(sql, { checkpoint, newOnly: true });
    if (verdict.problem !== null) return tellBroken(verdict.problem.message);
    if (verdict.head !== null) keep(verdict.head);
  }
  function keep(checkpoint: AuditCheckpoint): void {
    updateAuditCheckpoint(config, checkpoint);
    kept = checkpoint;
  }
  function tellBroken(reason: string): void {
    metrics.observeAuditChain(false);
    logger.error({ reason }, "The audit log is not what was written");
  }
  function update(): Promise<void> {
    running ??= moveOn()
      .catch((error: unknown) => logger.warn({ err: error }, "The checkpoint of the audit log could not be kept"))
      .finally(() => {
        running = null;
      });
    return running;
  }

  const timer = setInterval(() => void update(), deps.everyMs ?? defaultEveryMs);
  timer.unref();
  void update();
  return {
    update,
    async close() {
      clearInterval(timer);
      // A database that is away is not waited for: the next start goes on from the checkpoint that is there.
      await Promise.race([Promise.resolve(running).then(update), waitFor(closeMs)]);
    },
  };
}
