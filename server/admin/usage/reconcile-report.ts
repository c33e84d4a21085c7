import { reconcileInput, reconcileReport } from "../../core/reconcile-schema.ts";
import { reconcileUsage } from "../../limits/reconcile-usage.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "../webhooks/webhook-access.ts";

export const getReconcileReport = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/usage/reconcile",
      operationId: "getReconcileReport",
      summary: "Whether ledger, rollups and budgets agree",
      description:
        "Reads all raw events that are kept, and holds hours, days and budgets against them. Each difference is told with its cause; nothing is changed. The job `reconcile-spend` does it each night. With `days` no budget is looked at.",
      tags: ["Usage"],
    },
  })
  .input(reconcileInput)
  .output(reconcileReport)
  .query(async ({ ctx, input }) => {
    requireOperator(ctx);
    return await reconcileUsage(ctx.database.sql, { days: input.days ?? null, repair: null });
  });
