import { topUpInput, windowView } from "../../core/limits-schema.ts";
import { makeValidationError } from "../refusal.ts";
import { makeProcedure } from "../trpc.ts";
import { changeWindow } from "./change-window.ts";
import { requireLimitsAccess } from "./limits-access.ts";

/** 10^9 USD: the sums of all amounts of a window fit 64 bits. */
const extraNanoUsdMax = 1_000_000_000_000_000_000n;

export const topUpWindow = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/limits/windows/top-up",
      operationId: "topUpBudgetWindow",
      summary: "Add money to a budget, for its current period alone",
      description: "Callers who were refused are let in again within a second.",
      tags: ["Limits"],
      refusals: [404, 409],
    },
  })
  .input(topUpInput)
  .output(windowView)
  .mutation(async ({ ctx, input }) => {
    requireLimitsAccess(ctx, true);
    return await changeWindow(ctx, input, ({ extraNanoUsd }) => {
      const extra = extraNanoUsd + input.amount_usd;
      if (extra <= extraNanoUsdMax) return extra;
      throw makeValidationError([{ path: "amount_usd", message: "would add more than 1000000000 USD in all" }]);
    });
  });
