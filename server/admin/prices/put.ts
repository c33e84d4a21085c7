import { findLockedModelPrice, insertModelPrice } from "../../../db/queries/model-prices.ts";
import { AppError } from "../../core/error.ts";
import { makeWireRates, parseWireRates, putPriceInput, storedPriceView } from "../../core/price-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { findCallerName } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { makePriceId, pricesMax, requirePriceAccess } from "./price-access.ts";
import { makeAuditedPrice, makeStoredPriceView } from "./stored-price-view.ts";

export const putPrice = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "PUT",
      path: "/prices",
      operationId: "putPrice",
      summary: "Set the price of a model",
      description:
        "Takes the place of what was stored for the model, and wins over the config file and the catalogue. Calls that begin a second from now cost this much on every gateway; what was charged before stays what it was, until it is re-rated. USD per million tokens; a rate that is left out is that of plain input or output.",
      tags: ["Prices"],
    },
  })
  .input(putPriceInput)
  .output(storedPriceView)
  .mutation(async ({ ctx, input }) => {
    requirePriceAccess(ctx, true);
    const { model, ...rates } = input;
    const body = makeWireRates(parseWireRates(rates));
    return await ctx.database.sql.begin(async (transaction) => {
      const before = await findLockedModelPrice(transaction, { model });
      const draft = { id: before?.id ?? makePriceId(ctx), model, body, updatedBy: findCallerName(ctx.caller) };
      const stored = await insertModelPrice(transaction, draft, pricesMax);
      if (stored === null) throw new AppError("conflict", `There are ${pricesMax} prices already; delete one first.`);
      const after = makeStoredPriceView(stored);
      await insertAudit(ctx, transaction, {
        objectType: "price",
        objectId: stored.id,
        ownerId: null,
        before: makeAuditedPrice(before),
        after,
      });
      return after;
    });
  });
