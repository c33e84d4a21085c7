import { z } from "zod";
import { listIncidents } from "../../../db/queries/alert-incidents.ts";
import type { Incident } from "../../core/alert-incident.ts";
import { incidentList, listIncidentsInput } from "../../core/alert-schema.ts";
import { makeValidationError } from "../refusal.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "../webhooks/webhook-access.ts";
import { makeIncidentView } from "./alert-view.ts";

export const listAlertIncidents = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/alerts/incidents",
      operationId: "listAlertIncidents",
      summary: "What alert rules have found, newest first",
      tags: ["Alerts"],
    },
  })
  .input(listIncidentsInput)
  .output(incidentList)
  .query(async ({ ctx, input }) => {
    requireOperator(ctx);
    const { limit, cursor, state, rule_id: ruleId, public_id: publicId } = input;
    const after = cursor === undefined ? null : parseCursor(cursor);
    const found = await listIncidents(ctx.database.sql, { state, ruleId, publicId }, { after, limit: limit + 1 });
    const page = found.slice(0, limit);
    const last = page.at(-1);
    return {
      incidents: page.map(makeIncidentView),
      next_cursor: found.length > page.length && last !== undefined ? makeCursor(last) : null,
    };
  });

const cursorShape = z.tuple([z.iso.datetime(), z.string().min(1).max(64)]);

function makeCursor({ openedAt, id }: Incident): string {
  return Buffer.from(JSON.stringify([openedAt.toISOString(), id])).toString("base64url");
}

function parseCursor(text: string): { openedAt: Date; id: string } {
  try {
    const [openedAt, id] = cursorShape.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
    return { openedAt: new Date(openedAt), id };
  } catch {
    throw makeValidationError([{ path: "cursor", message: "must be a next_cursor of an earlier answer" }]);
  }
}
