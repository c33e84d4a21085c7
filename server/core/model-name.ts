import { isProviderType, type ProviderType } from "./provider-type.ts";

/** Longest name of a model, in UTF-16 code units. */
export const modelNameLengthMax = 256;

/** Control, format (bidirectional marks too), lone surrogate, private-use characters, line and paragraph separators. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;

/** True for a text that may name a model: 1 to 256 printable characters with no white space at its ends. */
export function isModelName(text: string): boolean {
  return text.length > 0 && text.length <= modelNameLengthMax && text.trim() === text && !unprintable.test(text);
}

/** What a configured model's name must not begin with, each followed by `::`. */
export const reservedModelPrefixes: ReadonlySet<string> = new Set(["tensorzero", "tollgate", "key"]);

/** True for a name that the gateway has another meaning for: a shorthand or its own spellings. */
export function isReservedModelName(name: string): boolean {
  const cut = name.indexOf("::");
  if (cut < 0) return false;
  const prefix = name.slice(0, cut);
  return isProviderType(prefix) || reservedModelPrefixes.has(prefix);
}

/** Takes `type::model` apart; `null` for any other name, and for a model part that could not be a model's name. */
export function parseShorthand(name: string): { type: ProviderType; model: string } | null {
  const cut = name.indexOf("::");
  if (cut < 0) return null;
  const type = name.slice(0, cut);
  const model = name.slice(cut + 2);
  return isProviderType(type) && isModelName(name) && isModelName(model) ? { type, model } : null;
}
