import { findAuditProblem } from "../../db/queries/find-audit-problem.ts";
import { loadAuditCheckpoint } from "../../server/platform/audit-checkpoint.ts";
import type { JobTools } from "../registry.ts";

/**
 * Computes the audit chain anew and compares it with the checkpoint of this data folder, where there is one. A chain that
 * is not what was written is an error in the log and a metric; nothing is repaired.
 */
export async function handleVerifyAuditChain({ context, logger, signal }: JobTools) {
  const loaded = loadAuditCheckpoint(context.config);
  const checkpoint = typeof loaded === "string" ? null : loaded;
  const { problem, entries } = await findAuditProblem(context.database.sql, { checkpoint, signal });
  const intact = problem === null && loaded !== "forged";
  context.metrics.observeAuditChain(intact);
  if (problem !== null) logger.error({ ...problem }, "The audit log is not what was written");
  if (loaded === "forged")
    logger.error("The checkpoint of the audit log is not signed with this deployment's seal key");
  return { entries, broken: intact ? 0 : 1 };
}
