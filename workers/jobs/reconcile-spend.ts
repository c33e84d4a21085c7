import { insertAuditEntry } from "../../db/queries/insert-audit-entry.ts";
import { reconcileUsage } from "../../server/limits/reconcile-usage.ts";
import type { JobTools } from "../registry.ts";

/** An entry of the audit log is no report. */
const auditedMax = 100;

/**
 * Holds ledger, rollups and budgets against each other, tells of what differs, and puts right what the ledger can say. A run that
 * finds nothing changes nothing, and writes no entry of the audit log.
 */
export async function handleReconcileSpend({ context, logger, signal, updateProgress }: JobTools) {
  const { sql } = context.database;
  const look = async (percent: number): Promise<void> => {
    signal.throwIfAborted();
    await updateProgress(percent);
  };
  const seen = await reconcileUsage(sql, { days: null, repair: null, updateProgress: look });
  context.metrics.observeBookDifferences(seen.found);
  if (seen.clean) return { found: 0, repaired: 0 };
  const report = await reconcileUsage(sql, {
    days: null,
    updateProgress: look,
    repair: (transaction, { differences, ...found }) =>
      insertAuditEntry(transaction, {
        actor: "system:reconcile-spend",
        action: "usage.reconcile",
        objectType: "usage",
        objectId: "books",
        ownerId: null,
        before: null,
        after: { ...found, differences: differences.slice(0, auditedMax) },
        ip: "",
        requestId: "",
      }),
  });
  for (const difference of report.differences.slice(0, 20)) {
    logger.error({ event: "books_differ", ...difference }, "Ledger, rollups and budgets do not agree");
  }
  return { found: report.found, repaired: report.repaired };
}
