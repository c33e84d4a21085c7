import type { Faults } from "../faults.ts";
import { isAbsent, isJson } from "../json-value.ts";

/** TensorZero's names of what OpenAI's chat completions know. */
const names: Readonly<Record<string, string>> = {
  temperature: "temperature",
  max_tokens: "max_tokens",
  seed: "seed",
  top_p: "top_p",
  presence_penalty: "presence_penalty",
  frequency_penalty: "frequency_penalty",
  reasoning_effort: "reasoning_effort",
  service_tier: "service_tier",
  stop_sequences: "stop",
  verbosity: "verbosity",
};

/** The fields of a chat completion that `params` sets. `json_mode` is the function's own business and only looked at. */
export function makeChatParams(params: unknown, path: string, faults: Faults): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  if (isAbsent(params)) return fields;
  if (!isJson(params)) {
    faults.add(path, "must be an object.");
    return fields;
  }
  for (const [type, values] of Object.entries(params)) {
    if (isAbsent(values)) continue;
    if (type !== "chat_completion" || !isJson(values)) {
      faults.add(`${path}.${type.slice(0, 64)}`, "is not supported; `chat_completion` is.");
      continue;
    }
    for (const [name, value] of Object.entries(values)) {
      if (isAbsent(value) || name === "json_mode") continue;
      const field = Object.hasOwn(names, name) ? names[name] : undefined;
      if (field === undefined) {
        const allowed = Object.keys(names).join(", ");
        faults.add(`${path}.chat_completion.${name.slice(0, 64)}`, `is not supported; these are: ${allowed}.`);
      } else fields[field] = value;
    }
  }
  return fields;
}
