import type { Faults } from "../faults.ts";
import { isAbsent, isJson, type Json } from "../json-value.ts";

/** They change what is sent or told in ways that this gateway has not. Harmless when they are empty or off. */
const unsupported = [
  "extra_body",
  "extra_headers",
  "provider_tools",
  "include_raw_response",
  "include_raw_usage",
  "include_original_response",
  "include_aggregated_response",
  "namespace",
  "internal",
] as const;

function saysNothing(value: unknown): boolean {
  if (isAbsent(value) || value === false) return true;
  return Array.isArray(value) ? value.length === 0 : isJson(value) && Object.keys(value).length === 0;
}

/**
 * Refuses what TensorZero has and this gateway has not, each by its name. `dryrun` and `cache_options` are taken: nothing
 * of a call's content is stored in any case, and a cache that is empty answers nothing.
 *
 * @param prefix `tensorzero::` on OpenAI's surface, else nothing.
 */
export function checkUnsupported(json: Json, prefix: string, faults: Faults): void {
  for (const name of unsupported) {
    if (!saysNothing(json[prefix + name])) faults.add(prefix + name, "is not supported.");
  }
  for (const name of ["dryrun", "deny_unknown_fields"]) {
    const value = json[prefix + name];
    if (!isAbsent(value) && typeof value !== "boolean") faults.add(prefix + name, "must be true or false.");
  }
  const cache = json[`${prefix}cache_options`];
  if (!isAbsent(cache) && !isJson(cache)) faults.add(`${prefix}cache_options`, "must be an object.");
}
