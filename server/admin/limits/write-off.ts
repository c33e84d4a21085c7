import { deleteBudgetProcess } from "../../../db/queries/budget-process.ts";
import { findLockedBudgetProcess } from "../../../db/queries/list-budget-processes.ts";
import { AppError } from "../../core/error.ts";
import { makeProcessView, type StoredBudgetProcess, writeOffInput, writeOffView } from "../../core/limits-schema.ts";
import { formatUsd } from "../../core/money.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requireLimitsAccess } from "./limits-access.ts";

export const writeOffProcess = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/limits/processes/{process}/write-off",
      operationId: "writeOffBudgetProcess",
      summary: "Charge what a process holds that will never tell what it spent",
      description:
        "For a process whose machine or data folder is gone. Its budgets are charged all that it held. Should its journal be found after all, its calls are taken off what was charged, so that nothing is charged twice. A process that still runs ends as soon as it notices.",
      tags: ["Limits"],
      refusals: [404, 409],
    },
  })
  .input(writeOffInput)
  .output(writeOffView)
  .mutation(async ({ ctx, input }) => {
    requireLimitsAccess(ctx, true);
    return await ctx.database.sql.begin(async (transaction) => {
      const before = await findLockedBudgetProcess(transaction, input.process);
      if (before === null) throw new AppError("not_found");
      if (before.state === "closed") throw new AppError("conflict", "This process has ended; it holds nothing.");
      if (before.state === "live" && input.force !== true) {
        const message = "This process was seen within the last minute: it will tell what it spent. `force` ends it.";
        throw new AppError("conflict", message);
      }
      const held = await deleteBudgetProcess(transaction, input.process, true);
      const after = makeProcessView((await findLockedBudgetProcess(transaction, input.process)) as StoredBudgetProcess);
      const view = { ...after, written_off_usd: formatUsd(held) };
      await insertAudit(ctx, transaction, {
        objectType: "budget_process",
        objectId: input.process,
        ownerId: null,
        before: makeProcessView(before),
        after: view,
      });
      return view;
    });
  });
