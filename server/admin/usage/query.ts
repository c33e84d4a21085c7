import { queryUsageInput } from "../../core/usage-question.ts";
import { usageAnswer } from "../../core/usage-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { limitToOwner } from "./limit-to-owner.ts";
import { loadUsage } from "./load-usage.ts";

export const queryUsage = makeProcedure("admin:usage", { member: true })
  .meta({
    openapi: {
      method: "GET",
      path: "/usage",
      operationId: "queryUsage",
      summary: "Usage by any groups, exact and current",
      tags: ["Usage"],
      refusals: [404],
    },
  })
  .input(queryUsageInput)
  .output(usageAnswer)
  .query(({ ctx, input }) => {
    const { rawDays } = ctx.config.usage;
    return loadUsage(ctx.database.sql, { nowMs: ctx.clock.nowMs(), rawDays }, limitToOwner(ctx.caller, input));
  });
