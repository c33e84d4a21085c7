import type { z } from "zod";
import { formatAllowedNames } from "../core/allowed-names.ts";
import { isModelName, isReservedModelName, modelNameLengthMax, reservedModelPrefixes } from "../core/model-name.ts";
import { providerTypes } from "../core/provider-type.ts";
import type { ModelConfig, ProviderConfig } from "./config.ts";
import { formatConfigPath, formatConfigValue } from "./config-error.ts";
import { type ProviderContext, parseProvider } from "./config-providers.ts";
import { modelSchema } from "./config-schema.ts";
import { type ConfigPart, parseSection, parseTable } from "./config-section.ts";

/** Reads `[models]`. A model with a mistake is left out of the result, after every mistake in it was added. */
export function parseModels(part: ConfigPart, context: ProviderContext): ReadonlyMap<string, ModelConfig> {
  const models = new Map<string, ModelConfig>();
  for (const entry of parseTable(part, context.mistakes)) {
    const mistakesBefore = context.mistakes.length;
    checkName(entry.name, entry.part.path, context);
    const model = parseModel(entry.name, entry.part, context);
    if (model !== null && context.mistakes.length === mistakesBefore) models.set(entry.name, model);
  }
  return models;
}

function checkName(name: string, path: readonly PropertyKey[], { mistakes }: ProviderContext): void {
  const found = `the name ${formatConfigValue(name)}`;
  if (!isModelName(name) || name.includes("*") || name.startsWith("!")) {
    const allowed = `must be 1 to ${modelNameLengthMax} printable characters without *, not beginning with ! and with no white space at its ends`;
    mistakes.push({ path: formatConfigPath(path), found, allowed });
  } else if (isReservedModelName(name)) {
    const reserved = [...Object.keys(providerTypes), ...reservedModelPrefixes].join(", ");
    mistakes.push({
      path: formatConfigPath(path),
      found,
      allowed: `must not begin with one of these and :: (${reserved})`,
    });
  }
}

function listRouted(routing: z.infer<typeof modelSchema>["routing"]): string[] {
  return Array.isArray(routing) ? routing : Object.keys(routing);
}

/** The entries of `providers` are checked one by one, so that a mistake in one does not hide those in another. */
const modelWithoutProviders = modelSchema.omit({ providers: true });

function parseModel(name: string, part: ConfigPart, context: ProviderContext): ModelConfig | null {
  const table = parseTable(part, context.mistakes);
  if (table.length === 0 && (typeof part.value !== "object" || part.value === null)) return null;
  const { providers: providersValue, ...rest } = Object.fromEntries(
    table.map(({ name: key, part: at }) => [key, at.value]),
  );
  const section = parseSection(modelWithoutProviders, { value: rest, path: part.path }, context.mistakes);
  const providersPath = [...part.path, "providers"];
  const providers = new Map<string, ProviderConfig | null>();
  for (const entry of parseTable({ value: providersValue, path: providersPath }, context.mistakes)) {
    const routed = section === null || listRouted(section.routing).includes(entry.name);
    providers.set(entry.name, parseProvider(entry.name, entry.part, routed, context));
  }
  if (section === null) return null;
  const { routing } = section;
  const names = listRouted(routing);
  const routed = names.map((provider, index) => {
    const path = formatConfigPath([...part.path, "routing", Array.isArray(routing) ? index : provider]);
    const found = `found ${formatConfigValue(provider)}`;
    if (!providers.has(provider)) {
      const allowed =
        providers.size === 0
          ? `must be the name of a table [${formatConfigPath([...providersPath, provider])}]`
          : formatAllowedNames(provider, [...providers.keys()]);
      context.mistakes.push({ path, found, allowed });
    } else if (names.indexOf(provider) !== index) {
      context.mistakes.push({ path, found: `${found} again`, allowed: "each provider once" });
    }
    return providers.get(provider) ?? null;
  });
  const weights = Array.isArray(routing) ? null : Object.values(routing);
  if (weights !== null && !weights.some((weight) => weight > 0)) {
    const found = weights.length === 0 ? "an empty table" : "no weight above 0";
    const allowed = "must give at least one provider a weight above 0";
    context.mistakes.push({ path: formatConfigPath([...part.path, "routing"]), found, allowed });
    return null;
  }
  if (routed.some((provider) => provider === null)) return null;
  return {
    name,
    providers: routed.filter((provider) => provider !== null),
    weights,
    isSticky: section.sticky ?? true,
    outputTokensMax: section.output_tokens_max ?? null,
  };
}
