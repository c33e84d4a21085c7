import { findLockedJobState, updateJobRequested } from "../../../db/queries/job-states.ts";
import { AppError } from "../../core/error.ts";
import { jobReference, jobView } from "../../core/job-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { findCallerName } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "../webhooks/webhook-access.ts";
import { makeJobView } from "./job-view.ts";

export const runJob = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/jobs/{job}/run",
      operationId: "runJob",
      summary: "Ask for a run beside the schedule",
      description: "A worker takes it up within seconds. Jobs may run twice at once.",
      tags: ["Jobs"],
      refusals: [409],
    },
    status: 202,
  })
  .input(jobReference)
  .output(jobView)
  .mutation(async ({ ctx, input }) => {
    requireOperator(ctx);
    const nowMs = ctx.clock.nowMs();
    return await ctx.database.sql.begin(async (transaction) => {
      const before = await findLockedJobState(transaction, input.job);
      if (before === null) throw new AppError("not_found");
      if (before.requestedAt !== null) throw new AppError("conflict", "A run was asked for already and has not begun.");
      const request = { at: new Date(nowMs), by: findCallerName(ctx.caller) };
      const after = makeJobView(await updateJobRequested(transaction, input.job, request), nowMs);
      await insertAudit(ctx, transaction, {
        objectType: "job",
        objectId: input.job,
        ownerId: null,
        before: makeJobView(before, nowMs),
        after,
      });
      return after;
    });
  });
