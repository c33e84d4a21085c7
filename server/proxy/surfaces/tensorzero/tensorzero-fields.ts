import type { JsonBody } from "../../json-body.ts";

const prefix = "tensorzero::";
const tags = "tensorzero::tags";

/** The first field of TensorZero's own, but for tags, which every surface takes; `null` where there is none. */
export function findTensorZeroField({ fields }: JsonBody): string | null {
  for (const { key } of fields) if (key.startsWith(prefix) && key !== tags) return key.slice(0, 64);
  return null;
}

/** Whether a chat completion is written for TensorZero: its fields, or its spelling of the model's name. */
export function isTensorZeroBody(body: JsonBody): boolean {
  const { model } = body.json;
  return (typeof model === "string" && model.startsWith(prefix)) || findTensorZeroField(body) !== null;
}
