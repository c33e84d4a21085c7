import { findModelPrice } from "../../../db/queries/model-prices.ts";
import { AppError } from "../../core/error.ts";
import { priceReference, storedPriceView } from "../../core/price-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { requirePriceAccess } from "./price-access.ts";
import { makeStoredPriceView } from "./stored-price-view.ts";

export const getPrice = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/prices/{price_id}",
      operationId: "getPrice",
      summary: "Show one stored price",
      tags: ["Prices"],
    },
  })
  .input(priceReference)
  .output(storedPriceView)
  .query(async ({ ctx, input }) => {
    requirePriceAccess(ctx, false);
    const stored = await findModelPrice(ctx.database.sql, input.price_id);
    if (stored === null) throw new AppError("not_found");
    return makeStoredPriceView(stored);
  });
