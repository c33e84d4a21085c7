import { catalogueList, makePriceView, searchCatalogueInput } from "../../core/price-schema.ts";
import { findCataloguePrice, listCatalogueModels } from "../../limits/price-catalogue.ts";
import { makeProcedure } from "../trpc.ts";
import { requirePriceAccess } from "./price-access.ts";

export const searchCatalogue = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/price-catalogue",
      operationId: "searchPriceCatalogue",
      summary: "Search the price catalogue that comes with the installation",
      description:
        "By the shorthand of each model. What it says holds where neither a stored price nor the config file does.",
      tags: ["Prices"],
    },
  })
  .input(searchCatalogueInput)
  .output(catalogueList)
  .query(({ ctx, input }) => {
    requirePriceAccess(ctx, false);
    const words = (input.q ?? "").toLowerCase().split(/\s+/);
    const found = listCatalogueModels().filter(({ model }) => {
      const name = model.toLowerCase();
      return words.every((word) => name.includes(word));
    });
    const models = found.slice(0, input.limit).map((one) => {
      const price = findCataloguePrice(one);
      return { model: one.model, price: price === null ? null : makePriceView(price) };
    });
    return { models, total: found.length, next_cursor: null };
  });
