import { reconcileInput, reconcileReport } from "../../core/reconcile-schema.ts";
import { reconcileUsage } from "../../limits/reconcile-usage.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "../webhooks/webhook-access.ts";

/** An entry of the audit log is no report. */
const auditedMax = 100;

export const repairUsage = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/usage/reconcile",
      operationId: "repairUsage",
      summary: "Put rollups and budgets right by the ledger",
      description:
        "The same as the report, and then hours and days that differ are computed anew from raw events, and what budgets say was spent is corrected. What the ledger itself lacks is told and not touched.",
      tags: ["Usage"],
    },
  })
  .input(reconcileInput)
  .output(reconcileReport)
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    return await reconcileUsage(ctx.database.sql, {
      days: input.days ?? null,
      repair: (transaction, report) =>
        insertAudit(ctx, transaction, {
          objectType: "usage",
          objectId: "books",
          ownerId: null,
          before: null,
          after: { ...report, differences: report.differences.slice(0, auditedMax) },
        }),
    });
  });
