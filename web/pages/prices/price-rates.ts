import type { Inputs, Outputs } from "../../app/api.ts";

export type ModelPrice = Outputs["prices"]["list"]["prices"][number];
export type PriceView = Outputs["prices"]["searchCatalogue"]["models"][number]["price"];

/** What a price has a rate for, in the order of the form; the first two must be there. */
export const rateNames = {
  input_usd_per_million: "Input",
  output_usd_per_million: "Output",
  cached_input_usd_per_million: "Cached input",
  cache_write_usd_per_million: "Cache write",
  hour_cache_write_usd_per_million: "Cache write, 1 hour",
  reasoning_usd_per_million: "Reasoning",
  input_audio_usd_per_million: "Audio input",
  output_audio_usd_per_million: "Audio output",
} as const;
export type RateName = keyof typeof rateNames;
export const rateFields = Object.keys(rateNames) as RateName[];

/** The rates as they stand in the form. */
export type RateDraft = Record<RateName, string>;

export function makeRateDraft(price: PriceView): RateDraft {
  return Object.fromEntries(rateFields.map((name) => [name, price?.[name] ?? ""])) as RateDraft;
}

/** What the gateway is told; a rate that is left empty is that of plain input or output. */
export function makePriceInput(model: string, draft: RateDraft): Inputs["prices"]["put"] {
  const said = rateFields.flatMap((name) => {
    const text = draft[name].trim();
    const isNeeded = name === "input_usd_per_million" || name === "output_usd_per_million";
    return text === "" && !isNeeded ? [] : [[name, text]];
  });
  return { model: model.trim(), ...(Object.fromEntries(said) as Omit<Inputs["prices"]["put"], "model">) };
}
