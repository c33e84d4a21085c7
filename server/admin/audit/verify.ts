import { z } from "zod";
import { findAuditProblem } from "../../../db/queries/find-audit-problem.ts";
import type { AuditCheckpoint } from "../../core/audit-chain.ts";
import { auditVerdictView } from "../../core/audit-schema.ts";
import { AppError } from "../../core/error.ts";
import { loadAuditCheckpoint } from "../../platform/audit-checkpoint.ts";
import { findCallerScope } from "../context.ts";
import { makeProcedure } from "../trpc.ts";

/** Reads the whole log; for operators, because it is everybody's. */
export const verifyAudit = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/audit/verify",
      operationId: "verifyAudit",
      summary: "Whether the audit log is what was written",
      description:
        "Computes the hash of every entry anew, and compares with the signed checkpoint that this gateway keeps outside of the database.",
      tags: ["Audit"],
    },
  })
  .input(z.strictObject({}))
  .output(auditVerdictView)
  .query(async ({ ctx }) => {
    if (findCallerScope(ctx.caller).ownerId !== null) {
      throw new AppError("permission_denied", "The audit log as a whole is checked by a key that belongs to no owner.");
    }
    const loaded = loadAuditCheckpoint(ctx.config);
    const checkpoint = typeof loaded === "string" ? null : loaded;
    const verdict = await findAuditProblem(ctx.database.sql, { checkpoint });
    const forged = {
      seq: "0",
      kind: "checkpoint" as const,
      message: "the checkpoint in the data folder is not signed with this deployment's seal key",
    };
    const problem = verdict.problem ?? (loaded === "forged" ? forged : null);
    return {
      valid: problem === null,
      entries: verdict.entries,
      head: makePlace(verdict.head),
      checkpoint: makePlace(checkpoint),
      problem: problem === null ? null : { ...problem, seq: Number(problem.seq) },
    };
  });

function makePlace(place: AuditCheckpoint | null) {
  return place === null ? null : { seq: Number(place.seq), at: place.at, hash: place.hash };
}
