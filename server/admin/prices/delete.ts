import { z } from "zod";
import { deleteModelPrice, findLockedModelPrice } from "../../../db/queries/model-prices.ts";
import { AppError } from "../../core/error.ts";
import { priceReference } from "../../core/price-schema.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeProcedure } from "../trpc.ts";
import { requirePriceAccess } from "./price-access.ts";
import { makeAuditedPrice } from "./stored-price-view.ts";

export const deletePrice = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "DELETE",
      path: "/prices/{price_id}",
      operationId: "deletePrice",
      summary: "Delete a stored price",
      description:
        "What the config file or the catalogue says holds again, on every gateway within a second. Nothing that was charged changes.",
      tags: ["Prices"],
    },
    status: 204,
  })
  .input(priceReference)
  .output(z.void())
  .mutation(async ({ ctx, input }) => {
    requirePriceAccess(ctx, true);
    await ctx.database.sql.begin(async (transaction) => {
      const stored = await findLockedModelPrice(transaction, { id: input.price_id });
      if (stored === null) throw new AppError("not_found");
      await deleteModelPrice(transaction, stored.id);
      await insertAudit(ctx, transaction, {
        objectType: "price",
        objectId: stored.id,
        ownerId: null,
        before: makeAuditedPrice(stored),
        after: null,
      });
    });
  });
