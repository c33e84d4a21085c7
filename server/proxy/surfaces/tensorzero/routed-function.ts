import { createHash } from "node:crypto";
import { makeRefusal, type Refusal } from "../../../core/error.ts";
import type { Config } from "../../../platform/config.ts";
import type { FunctionConfig, FunctionVariant } from "../../../platform/config-functions.ts";
import { makeInvalid } from "../../json-body.ts";

/** A function and the one of its variants that answers this call. */
export interface RoutedFunction {
  name: string;
  type: FunctionConfig["type"];
  outputSchema: FunctionConfig["outputSchema"];
  variant: FunctionVariant;
}

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** The episode that a call belongs to: the client's, or a new one. */
export function findEpisodeId(value: unknown, field: string, makeId: () => string): string | Refusal {
  if (value === undefined || value === null) return makeId();
  if (typeof value === "string" && uuidV7.test(value)) return value.toLowerCase();
  return makeInvalid(`\`${field}\` must be a UUID of version 7, as an earlier answer gave it.`, field);
}

/**
 * Finds a function and chooses among its variants by their weights. The calls of one episode get the same variant.
 *
 * @param variantName of the variant that the client wants; `null`: any.
 * @param field where the client named the function.
 */
export function findFunction(
  functions: Config["functions"],
  name: string,
  variantName: string | null,
  episodeId: string,
  field: string,
): RoutedFunction | Refusal {
  const found = functions.get(name);
  if (found === undefined) return makeRefusal("not_found", `Unknown function: ${name.slice(0, 64)}`, { param: field });
  const variant =
    variantName === null
      ? chooseVariant(found, episodeId)
      : found.variants.find((candidate) => candidate.name === variantName);
  if (variant === undefined) {
    const message =
      variantName === null
        ? `The function ${name} has no variant with a weight.`
        : `Unknown variant: ${variantName.slice(0, 64)}`;
    return makeRefusal("not_found", message, { param: "variant_name" });
  }
  return { name, type: found.type, outputSchema: found.outputSchema, variant };
}

/** A share of 2^48, which is exact in a number. */
const span = 2 ** 48;

function chooseVariant({ name, variants }: FunctionConfig, episodeId: string): FunctionVariant | undefined {
  const total = variants.reduce((sum, { weight }) => sum + weight, 0);
  const point = (createHash("sha256").update(`${name}\n${episodeId}`).digest().readUIntBE(0, 6) / span) * total;
  let passed = 0;
  for (const variant of variants) {
    passed += variant.weight;
    if (point < passed) return variant;
  }
  return undefined;
}
