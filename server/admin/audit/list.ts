import { listAuditEntries } from "../../../db/queries/list-audit-entries.ts";
import { type AuditEntryView, auditList, listAuditInput } from "../../core/audit-schema.ts";
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
    const { ownerId } = findCallerScope(ctx.caller);
    const entries = await listAuditEntries(
      ctx.database.sql,
      { ...filter, ownerId: ownerId ?? undefined },
      { before: cursor ?? null, limit: limit + 1 },
    );
    const page = entries.slice(0, limit);
    return {
      entries: ownerId === null ? page : page.map((entry) => hideOthers(entry, ownerId)),
      next_cursor: entries.length > limit ? String(page.at(-1)?.seq) : null,
    };
  });

/** An owner is told what was done to his objects: not where operators sit, nor what was somebody else's before. */
function hideOthers(entry: AuditEntryView, ownerId: string): AuditEntryView {
  const { before } = entry;
  const wasOther = typeof before === "object" && before !== null && "owner_id" in before && before.owner_id !== ownerId;
  return { ...entry, ip: "", before: wasOther ? null : before };
}
