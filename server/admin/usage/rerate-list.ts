import { listRerateRuns } from "../../../db/queries/rerate-runs.ts";
import { listReratesInput, rerateList } from "../../core/rerate-schema.ts";
import { requirePriceAccess } from "../prices/price-access.ts";
import { makeProcedure } from "../trpc.ts";
import { makeRerateRunView } from "./rerate-view.ts";

export const listRerates = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/usage/rerate",
      operationId: "listRerates",
      summary: "Re-ratings that were asked for, newest first",
      tags: ["Usage"],
    },
  })
  .input(listReratesInput)
  .output(rerateList)
  .query(async ({ ctx, input }) => {
    requirePriceAccess(ctx, false);
    const found = await listRerateRuns(ctx.database.sql, input.limit + 1, input.cursor ?? null);
    const runs = found.slice(0, input.limit).map(makeRerateRunView);
    return { runs, next_cursor: found.length > input.limit ? String(runs.at(-1)?.run_id) : null };
  });
