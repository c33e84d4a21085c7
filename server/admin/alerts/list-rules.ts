import { z } from "zod";
import { listAlertRules } from "../../../db/queries/alert-rules.ts";
import { alertList } from "../../core/alert-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "../webhooks/webhook-access.ts";
import { makeAlertView } from "./alert-view.ts";

export const listAllAlertRules = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/alerts/rules",
      operationId: "listAlertRules",
      summary: "List alert rules, newest first",
      tags: ["Alerts"],
    },
  })
  .input(z.strictObject({}))
  .output(alertList)
  .query(async ({ ctx }) => {
    requireOperator(ctx);
    return { rules: (await listAlertRules(ctx.database.sql)).map(makeAlertView), next_cursor: null };
  });
