import { z } from "zod";
import { type FlatRates, makeFlatPrice, rateBuckets, rateFields } from "./flat-price.ts";
import { isModelName, modelNameLengthMax } from "./model-name.ts";
import { formatUsd } from "./money.ts";
import type { Price } from "./price.ts";
import { wireDigits, wireInstantOut, wireLine, wireUsd } from "./wire-types.ts";

const modelName = z
  .string()
  .max(modelNameLengthMax)
  .refine(isModelName, "must be the name of a model: a configured one, or a shorthand such as openai::gpt-5-mini");

/** USD per million tokens; a bucket that is left out is charged as its plain direction. */
export const wireRates = z.strictObject({
  input_usd_per_million: wireUsd,
  output_usd_per_million: wireUsd,
  cached_input_usd_per_million: wireUsd.optional(),
  cache_write_usd_per_million: wireUsd.optional(),
  hour_cache_write_usd_per_million: wireUsd.optional(),
  reasoning_usd_per_million: wireUsd.optional(),
  input_audio_usd_per_million: wireUsd.optional(),
  output_audio_usd_per_million: wireUsd.optional(),
});
export type WireRates = z.output<typeof wireRates>;

export const putPriceInput = z.strictObject({
  model: modelName.describe("The model's name here, as events and allowlists have it."),
  ...wireRates.shape,
});
export const priceReference = z.strictObject({
  price_id: z
    .string()
    .regex(/^price_[0-9A-Za-z]{1,40}$/, "must be the id of a stored price")
    .describe("The stored price's id."),
});
export const listPricesInput = z.strictObject({
  model: wireLine(modelNameLengthMax).optional().describe("Only this model."),
  unpriced: z.boolean().optional().describe("Only models that some provider has no price for."),
});

export const searchCatalogueInput = z.strictObject({
  q: wireLine(modelNameLengthMax).optional().describe("Only models whose name has all of these words in it."),
  limit: wireDigits(1, 200).default(50).describe("How many models at most."),
});

const rateView = z.object({
  input_usd_per_million: z.string(),
  output_usd_per_million: z.string(),
  cached_input_usd_per_million: z.string().optional(),
  cache_write_usd_per_million: z.string().optional(),
  hour_cache_write_usd_per_million: z.string().optional(),
  reasoning_usd_per_million: z.string().optional(),
  input_audio_usd_per_million: z.string().optional(),
  output_audio_usd_per_million: z.string().optional(),
});
const tiers = z.array(z.object({ field: z.string(), from_input_tokens: z.number(), usd_per_million: z.string() }));

export const priceView = rateView.extend({
  price_id: z.string().describe("What a charge at this price names."),
  tiers: tiers.describe("Rates that take the place of the plain one from this size of the input on."),
});
export type PriceView = z.infer<typeof priceView>;

export const storedPriceView = priceView.extend({
  id: z.string().describe("Of the stored price, for changing and deleting it."),
  model: z.string(),
  created_at: wireInstantOut,
  updated_at: wireInstantOut,
  updated_by: z.string(),
});
export type StoredPriceView = z.infer<typeof storedPriceView>;

export const modelPriceView = z.object({
  model: z.string(),
  configured: z.boolean().describe("Whether the config file has it."),
  stored: storedPriceView.nullable().describe("Wins over the config file and the catalogue."),
  config: priceView.nullable().describe("Wins over the catalogue."),
  providers: z.array(
    z.object({
      provider: z.string(),
      upstream_model: z.string().nullable(),
      catalogue: priceView.nullable(),
      effective: priceView.nullable().describe("What a call costs now; null: unpriced, which is not zero."),
      source: z.enum(["stored", "config", "catalogue"]).nullable(),
    }),
  ),
  unpriced: z.boolean().describe("Whether some provider of it has no price."),
  recent: z
    .object({ requests: z.number(), unpriced_requests: z.number(), last_used_at: wireInstantOut })
    .nullable()
    .describe("Its use in the last 7 days."),
});
export type ModelPriceView = z.infer<typeof modelPriceView>;

export const catalogueList = z.object({
  models: z.array(
    z.object({
      model: z.string().describe("The shorthand under which it can be called."),
      price: priceView.nullable().describe("null: it has no price by tokens."),
    }),
  ),
  total: z.number().describe("How many there are in all."),
  next_cursor: z.null(),
});

/** Complete: models are few. */
export const priceList = z.object({ prices: z.array(modelPriceView), next_cursor: z.null() });

/** Nano-USD per million tokens by bucket. */
export function parseWireRates(wire: WireRates): FlatRates {
  const rates: FlatRates = { input: wire.input_usd_per_million, output: wire.output_usd_per_million };
  for (const bucket of rateBuckets) {
    const rate = wire[rateFields[bucket]];
    if (rate !== undefined) rates[bucket] = rate;
  }
  return rates;
}

/** The same rates as JSON, exactly. */
export function makeWireRates(rates: FlatRates): Record<string, string> {
  return Object.fromEntries(
    rateBuckets.flatMap((bucket) => {
      const rate = rates[bucket];
      return rate === undefined ? [] : [[rateFields[bucket], formatUsd(rate)]];
    }),
  );
}

/** @throws ZodError for rates that this release did not write. */
export function parseStoredPrice(model: string, body: unknown): Price {
  return makeFlatPrice("stored", model, parseWireRates(wireRates.parse(body)));
}

export function makePriceView(price: Price): PriceView {
  const view: PriceView = {
    price_id: price.id,
    input_usd_per_million: formatUsd(price.input.base),
    output_usd_per_million: formatUsd(price.output.base),
    tiers: [],
  };
  for (const bucket of rateBuckets) {
    const rate = price[bucket];
    if (rate === undefined) continue;
    view[rateFields[bucket]] = formatUsd(rate.base);
    for (const tier of rate.tiers) {
      view.tiers.push({
        field: rateFields[bucket],
        from_input_tokens: tier.fromInputTokens,
        usd_per_million: formatUsd(tier.rate),
      });
    }
  }
  return view;
}
