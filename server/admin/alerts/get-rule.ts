import { findAlertRule } from "../../../db/queries/alert-rules.ts";
import { alertReference, alertView } from "../../core/alert-schema.ts";
import { AppError } from "../../core/error.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "../webhooks/webhook-access.ts";
import { makeAlertView } from "./alert-view.ts";

export const getAlertRule = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/alerts/rules/{rule_id}",
      operationId: "getAlertRule",
      summary: "Show one alert rule",
      tags: ["Alerts"],
    },
  })
  .input(alertReference)
  .output(alertView)
  .query(async ({ ctx, input }) => {
    requireOperator(ctx);
    const stored = await findAlertRule(ctx.database.sql, input.rule_id);
    if (stored === null) throw new AppError("not_found");
    return makeAlertView(stored);
  });
