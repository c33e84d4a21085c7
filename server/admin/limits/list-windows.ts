import { listBudgetWindows } from "../../../db/queries/list-budget-windows.ts";
import { listWindowsInput, makeWindowView, windowList } from "../../core/limits-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { requireLimitsAccess } from "./limits-access.ts";

export const listWindows = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/limits/windows",
      operationId: "listBudgetWindows",
      summary: "Budgets, a window for each period in which they were used",
      tags: ["Limits"],
    },
  })
  .input(listWindowsInput)
  .output(windowList)
  .query(async ({ ctx, input }) => {
    requireLimitsAccess(ctx, false);
    const { limit, cursor, ...filter } = input;
    const windows = await listBudgetWindows(ctx.database.sql, filter, { after: cursor ?? null, limit: limit + 1 });
    const page = windows.slice(0, limit);
    return {
      windows: page.map(makeWindowView),
      next_cursor: windows.length > page.length ? (page.at(-1)?.id ?? null) : null,
    };
  });
