import { resetInput, windowView } from "../../core/limits-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { changeWindow } from "./change-window.ts";
import { requireLimitsAccess } from "./limits-access.ts";

export const resetWindow = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/limits/windows/reset",
      operationId: "resetBudgetWindow",
      summary: "Let a budget be spent anew in its current period",
      description:
        "What was spent stays what was spent; as much is added to the limit, less what was added before. Takes nothing away, and does nothing the second time.",
      tags: ["Limits"],
      refusals: [404, 409],
    },
  })
  .input(resetInput)
  .output(windowView)
  .mutation(async ({ ctx, input }) => {
    requireLimitsAccess(ctx, true);
    return await changeWindow(ctx, input, ({ extraNanoUsd, settledNanoUsd }) =>
      settledNanoUsd > extraNanoUsd ? settledNanoUsd : extraNanoUsd,
    );
  });
