import { AppError } from "../../core/error.ts";
import { queryUsageInput } from "../../core/usage-question.ts";
import { usageAnswer } from "../../core/usage-schema.ts";
import { findCallerScope } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
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
    const own = findCallerScope(ctx.caller).ownerId;
    if (own !== null && input.owner_id !== undefined && input.owner_id !== own) throw new AppError("not_found");
    const question = own === null ? input : { ...input, owner_id: own };
    const { rawDays } = ctx.config.usage;
    return loadUsage(ctx.database.sql, { nowMs: ctx.clock.nowMs(), rawDays }, question);
  });
