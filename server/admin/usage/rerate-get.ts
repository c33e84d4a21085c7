import { findRerateRun } from "../../../db/queries/rerate-runs.ts";
import { AppError } from "../../core/error.ts";
import { rerateReference, rerateRunView } from "../../core/rerate-schema.ts";
import { requirePriceAccess } from "../prices/price-access.ts";
import { makeProcedure } from "../trpc.ts";
import { makeRerateRunView } from "./rerate-view.ts";

export const getRerate = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/usage/rerate/{run_id}",
      operationId: "getRerate",
      summary: "How far a re-rating is, and what it changed",
      tags: ["Usage"],
    },
  })
  .input(rerateReference)
  .output(rerateRunView)
  .query(async ({ ctx, input }) => {
    requirePriceAccess(ctx, false);
    const run = await findRerateRun(ctx.database.sql, input.run_id);
    if (run === null) throw new AppError("not_found");
    return makeRerateRunView(run);
  });
