import { z } from "zod";
import { makePlanView, planList } from "../../core/user-schema.ts";
import { makeProcedure } from "../trpc.ts";

export const listPlans = makeProcedure("admin:keys", { member: true })
  .meta({
    openapi: {
      method: "GET",
      path: "/plans",
      operationId: "listPlans",
      summary: "The plans, in the order of the config",
      tags: ["Users"],
    },
  })
  .input(z.strictObject({}))
  .output(planList)
  .query(({ ctx }) => ({ plans: [...ctx.config.plans.values()].map(makePlanView) }));
