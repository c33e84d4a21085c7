import { formatConfigPath, formatConfigValue } from "./config-error.ts";
import { isTable, type TensorzeroReading } from "./config-tensorzero-keys.ts";

type Bucket = "input" | "output" | "cached_input" | "cache_write" | "reasoning";

/** What stands at a pointer into a provider's usage. `within`: these tokens are counted in that bucket too. */
const pointers: Readonly<Record<string, { bucket: Bucket; within?: "input" | "output" }>> = {
  "/usage/prompt_tokens": { bucket: "input" },
  "/usage/input_tokens": { bucket: "input" },
  "/usage/inputTokens": { bucket: "input" },
  "/usageMetadata/promptTokenCount": { bucket: "input" },
  "/usage/completion_tokens": { bucket: "output" },
  "/usage/output_tokens": { bucket: "output" },
  "/usage/outputTokens": { bucket: "output" },
  "/usageMetadata/candidatesTokenCount": { bucket: "output" },
  "/usage/prompt_tokens_details/cached_tokens": { bucket: "cached_input", within: "input" },
  "/usage/input_tokens_details/cached_tokens": { bucket: "cached_input", within: "input" },
  "/usageMetadata/cachedContentTokenCount": { bucket: "cached_input", within: "input" },
  "/usage/cache_read_input_tokens": { bucket: "cached_input" },
  "/usage/cache_creation_input_tokens": { bucket: "cache_write" },
  "/usage/completion_tokens_details/reasoning_tokens": { bucket: "reasoning", within: "output" },
  "/usage/output_tokens_details/reasoning_tokens": { bucket: "reasoning", within: "output" },
};

/**
 * Makes TensorZero's `cost = [{ pointer, cost_per_million }]` into a table of `[prices]`. There each pointer adds to the cost;
 * here each kind of tokens has its whole rate, so that what is counted twice there is added up.
 *
 * @returns `null` where something in it has no such meaning, which is then a mistake.
 */
export function makeTensorzeroPrice(
  cost: unknown,
  path: readonly PropertyKey[],
  { mistakes }: TensorzeroReading,
): Record<string, number> | null {
  const rates: Partial<Record<Bucket, number>> = {};
  const extra: { bucket: Bucket; within: "input" | "output"; rate: number }[] = [];
  const refuse = (at: readonly PropertyKey[], found: string): null => {
    const allowed = "write the model's price as [prices.MODEL] with input_usd_per_million and output_usd_per_million";
    mistakes.push({ path: formatConfigPath(at), found, allowed });
    return null;
  };
  if (!Array.isArray(cost)) return refuse(path, `found ${formatConfigValue(cost)}`);
  for (const [index, entry] of cost.entries()) {
    const at = [...path, index];
    if (!isTable(entry)) return refuse(at, `found ${formatConfigValue(entry)}`);
    const pointer = entry.pointer ?? entry.pointer_nonstreaming;
    const known = typeof pointer === "string" && Object.hasOwn(pointers, pointer) ? pointers[pointer] : undefined;
    if (known === undefined) return refuse([...at, "pointer"], `found ${formatConfigValue(pointer)}`);
    const rate =
      typeof entry.cost_per_million === "number"
        ? entry.cost_per_million
        : typeof entry.cost_per_unit === "number"
          ? entry.cost_per_unit * 1e6
          : null;
    if (rate === null) return refuse(at, "no cost_per_million and no cost_per_unit");
    if (known.within === undefined) rates[known.bucket] = rate;
    else extra.push({ bucket: known.bucket, within: known.within, rate });
  }
  const { input, output } = rates;
  if (input === undefined || output === undefined) return refuse(path, "no cost of input, or none of output");
  for (const { bucket, within, rate } of extra) rates[bucket] = (within === "input" ? input : output) + rate;
  const entries = Object.entries(rates).map(([bucket, rate]): [string, number] => [
    `${bucket}_usd_per_million`,
    Number(rate.toFixed(9)),
  ]);
  if (entries.some(([, rate]) => rate < 0)) return refuse(path, "a kind of tokens that costs less than nothing");
  return Object.fromEntries(entries);
}
