import type { z } from "zod";
import { formatAllowedNames } from "../core/allowed-names.ts";
import { parseShorthand } from "../core/model-name.ts";
import { type ConfigMistake, formatConfigPath, formatConfigValue } from "./config-error.ts";
import { functionName, functionSchema, type variantSchema } from "./config-function-schema.ts";
import { type ConfigPart, parseSection, parseTable } from "./config-section.ts";

/** One way to answer a function: a model, and what is said to it beside the caller's messages. */
export interface FunctionVariant {
  name: string;
  model: string;
  /** Its share of the calls among the weights of all variants; 0: only when it is asked for by name. */
  weight: number;
  /** Put before the messages as the system's; `null`: none. */
  systemText: string | null;
  /** OpenAI's fields that hold where the caller sets none. */
  defaults: Readonly<Record<string, unknown>>;
}

/** A named set of variants. A `json` function answers with JSON; where it has a schema, with JSON that fits it. */
export interface FunctionConfig {
  name: string;
  type: "chat" | "json";
  outputSchema: Readonly<Record<string, unknown>> | null;
  /** At least one. */
  variants: readonly FunctionVariant[];
}

/** Reads `[functions]`. A function with a mistake is left out, after every mistake in it was added. */
export function parseFunctions(
  part: ConfigPart,
  models: ReadonlySet<string>,
  mistakes: ConfigMistake[],
): ReadonlyMap<string, FunctionConfig> {
  const functions = new Map<string, FunctionConfig>();
  for (const entry of parseTable(part, mistakes)) {
    const before = mistakes.length;
    const { path } = entry.part;
    if (!functionName.safeParse(entry.name).success) {
      const found = `the name ${formatConfigValue(entry.name)}`;
      mistakes.push({
        path: formatConfigPath(path),
        found,
        allowed: "1 to 64 characters of A-Z, a-z, 0-9, _, . and -",
      });
    }
    const section = parseSection(functionSchema, entry.part, mistakes);
    if (section === null) continue;
    const variants = Object.entries(section.variants);
    if (variants.length === 0) {
      mistakes.push({ path: formatConfigPath([...path, "variants"]), found: "empty", allowed: "at least one variant" });
    }
    if (section.output_schema !== undefined && section.type === "chat") {
      const allowed = 'only where type = "json"';
      mistakes.push({ path: formatConfigPath([...path, "output_schema"]), found: "found", allowed });
    }
    for (const [variant, { model }] of variants) {
      if (models.has(model) || parseShorthand(model) !== null) continue;
      mistakes.push({
        path: formatConfigPath([...path, "variants", variant, "model"]),
        found: `found ${formatConfigValue(model)}`,
        allowed: formatAllowedNames(model, [...models]),
      });
    }
    const weighted = variants.some(([, variant]) => variant.weight !== undefined);
    if (mistakes.length > before) continue;
    functions.set(entry.name, {
      name: entry.name,
      type: section.type,
      outputSchema: section.output_schema ?? null,
      variants: variants.map(([variantName, variant]) => makeVariant(variantName, variant, weighted)),
    });
  }
  return functions;
}

/** Where nobody has a weight, all are called equally often. */
function makeVariant(variantName: string, section: z.infer<typeof variantSchema>, weighted: boolean): FunctionVariant {
  const { type: _, model, weight, system_text: systemText, stop_sequences: stop, ...tuning } = section;
  return {
    name: variantName,
    model,
    weight: weight ?? (weighted ? 0 : 1),
    systemText: systemText ?? null,
    defaults: stop === undefined ? tuning : { ...tuning, stop },
  };
}
