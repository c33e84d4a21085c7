import { listAuditEntries } from "../../../db/queries/list-audit-entries.ts";
import { auditList, listAuditInput } from "../../core/audit-schema.ts";
import { findCallerScope } from "../context.ts";
import { makeProcedure } from "../trpc.ts";

export const listAudit = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/audit",
      operationId: "listAudit",
      summary: "What was changed, by whom and from where, newest first",
      tags: ["Audit"],
    },
  })
  .input(listAuditInput)
  .output(auditList)
  .query(async ({ ctx, input }) => {
    const { limit, cursor, ...filter } = input;
    const ownerId = findCallerScope(ctx.caller).ownerId ?? undefined;
    const entries = await listAuditEntries(
      ctx.database.sql,
      { ...filter, ownerId },
      { before: cursor ?? null, limit: limit + 1 },
    );
    const page = entries.slice(0, limit);
    return { entries: page, next_cursor: entries.length > limit ? String(page.at(-1)?.seq) : null };
  });
