import { listBudgetProcesses } from "../../../db/queries/list-budget-processes.ts";
import { listProcessesInput, makeProcessView, processList } from "../../core/limits-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { requireLimitsAccess } from "./limits-access.ts";

export const listProcesses = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/limits/processes",
      operationId: "listBudgetProcesses",
      summary: "Gateway processes that lease budgets, and what they hold; newest first",
      tags: ["Limits"],
    },
  })
  .input(listProcessesInput)
  .output(processList)
  .query(async ({ ctx, input }) => {
    requireLimitsAccess(ctx, false);
    const { limit, cursor, state } = input;
    const processes = await listBudgetProcesses(ctx.database.sql, state, { after: cursor ?? null, limit: limit + 1 });
    const page = processes.slice(0, limit);
    return {
      processes: page.map(makeProcessView),
      next_cursor: processes.length > page.length ? (page.at(-1)?.process ?? null) : null,
    };
  });
