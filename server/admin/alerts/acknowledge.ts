import { findLockedIncident, updateIncidentAcknowledged } from "../../../db/queries/alert-incidents.ts";
import { incidentReference, incidentView } from "../../core/alert-schema.ts";
import { AppError } from "../../core/error.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { findCallerName } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "../webhooks/webhook-access.ts";
import { makeIncidentView } from "./alert-view.ts";

export const acknowledgeIncident = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/alerts/incidents/{incident_id}/acknowledge",
      operationId: "acknowledgeAlertIncident",
      summary: "Say that somebody looks after an incident",
      description: "For others to see; what gets worse is told all the same.",
      tags: ["Alerts"],
      refusals: [409],
    },
  })
  .input(incidentReference)
  .output(incidentView)
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    return await ctx.database.sql.begin(async (transaction) => {
      const before = await findLockedIncident(transaction, input.incident_id);
      if (before === null) throw new AppError("not_found");
      if (before.acknowledgedBy !== null) {
        throw new AppError("conflict", `${before.acknowledgedBy} has acknowledged the incident already.`);
      }
      const by = findCallerName(ctx.caller);
      const changed = await updateIncidentAcknowledged(transaction, before.id, by, new Date(ctx.clock.nowMs()));
      const after = makeIncidentView(changed);
      await insertAudit(ctx, transaction, {
        objectType: "alert_incident",
        objectId: before.id,
        ownerId: null,
        before: makeIncidentView(before),
        after,
      });
      return after;
    });
  });
