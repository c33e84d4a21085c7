import { listUsedModels } from "../../../db/queries/list-used-models.ts";
import { listModelPrices } from "../../../db/queries/model-prices.ts";
import { listPricesInput, priceList } from "../../core/price-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { makeModelPriceViews } from "./model-price-view.ts";
import { requirePriceAccess } from "./price-access.ts";

const recentMs = 7 * 86_400_000;

export const listPrices = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/prices",
      operationId: "listPrices",
      summary: "What each model costs, and who says so",
      description:
        "Every model of the config file, every one that was called in the last 7 days, and every one that has a stored price. A stored price wins over the config file, and that over the catalogue.",
      tags: ["Prices"],
    },
  })
  .input(listPricesInput)
  .output(priceList)
  .query(async ({ ctx, input }) => {
    requirePriceAccess(ctx, false);
    const [stored, uses] = await Promise.all([
      listModelPrices(ctx.database.sql),
      listUsedModels(ctx.database.sql, new Date(ctx.clock.nowMs() - recentMs)),
    ]);
    const prices = makeModelPriceViews(ctx.config, stored, uses, ctx.logger).filter(
      ({ model, unpriced }) =>
        (input.model === undefined || model === input.model) &&
        (input.unpriced === undefined || unpriced === input.unpriced),
    );
    return { prices, next_cursor: null };
  });
