import { z } from "zod";
import { listJobStates } from "../../../db/queries/job-states.ts";
import { jobList } from "../../core/job-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { requireOperator } from "../webhooks/webhook-access.ts";
import { makeJobView } from "./job-view.ts";

export const listJobs = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/jobs",
      operationId: "listJobs",
      summary: "Every job with its schedule and its last run",
      description: "Any gateway can tell, also one that runs no workers.",
      tags: ["Jobs"],
    },
  })
  .input(z.strictObject({}))
  .output(jobList)
  .query(async ({ ctx }) => {
    requireOperator(ctx);
    const nowMs = ctx.clock.nowMs();
    return {
      jobs: (await listJobStates(ctx.database.sql)).map((state) => makeJobView(state, nowMs)),
      next_cursor: null,
    };
  });
