import { z } from "zod";
import { keyTypes } from "./api-key.ts";
import { publicIdSchema } from "./api-key-schema.ts";
import { budgetView } from "./budget-view.ts";
import { wireInstantOut } from "./wire-types.ts";

const keysMax = 200;
/** Over how long calls are counted for lists of keys. */
export const figuresDays = 30;

export const keyFiguresInput = z.strictObject({
  public_ids: z
    .union([z.string().max(4_000), z.array(z.string().max(64)).max(keysMax)])
    .transform((value) => [...new Set([value].flat().flatMap((part) => part.split(",")))].filter((id) => id !== ""))
    .pipe(z.array(publicIdSchema).max(keysMax))
    .describe(`At most ${keysMax} keys. In REST separated by commas.`),
});

export const keyFigures = z.object({
  since: wireInstantOut.describe(`From when on calls are counted: ${figuresDays} days ago, at the full hour.`),
  figures: z.array(
    z.object({
      public_id: z.string(),
      requests: z.number(),
      errors: z.number(),
      error_rate: z.number(),
      cost_usd: z.string(),
      budgets: z.array(budgetView).describe("As they stand in their current periods."),
    }),
  ),
});

/** What may be chosen when a key is made here. */
export const keyOptions = z.object({
  types: z.array(z.object({ name: z.enum(keyTypes), prefix: z.string() })),
  permissions: z.array(z.string()),
  models: z.array(z.string()).describe("Names of the configured models."),
  model_prefixes: z.array(z.string()).describe("Of the providers that can be called by type::NAME, like `openai::`."),
  expiry: z.object({
    default_days: z.number(),
    max_days: z.number(),
    may_be_never: z.boolean(),
  }),
});
