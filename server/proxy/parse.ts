import { isUtf8 } from "node:buffer";
import { makeRefusal, type Refusal } from "../core/error.ts";
import { findTopLevelFields, type JsonField } from "../core/json-spans.ts";
import type { WireEndpoint } from "../providers/types.ts";

/** Structure that no honest call has, refused before it costs anything to parse. */
const limits = { depthMax: 128, valuesMax: 200_000 };
/** Names that change an object's nature for a careless reader behind us; no endpoint has such a field. */
const unsafeNames: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const modelPattern = /^[\x21-\x7e]{1,256}$/;

/** A request body that was understood as far as the gateway must understand it. The bytes stay the client's own. */
export interface ParsedInference {
  body: Buffer;
  fields: readonly JsonField[];
  json: Readonly<Record<string, unknown>>;
  model: string;
  stream: boolean;
  /** The client asked for the usage chunk of a stream. */
  includeUsage: boolean;
  /** The client's own cap on output tokens, per choice; `null` where it set none. */
  outputTokensMax: number | null;
  choices: number;
}

const scanMessages = {
  not_object: "The body must be a JSON object.",
  syntax: "The body is not valid JSON.",
  too_deep: `The body nests deeper than ${limits.depthMax} levels.`,
  too_many_values: `The body holds more than ${limits.valuesMax} values.`,
  duplicate_key: "A field stands twice in the body.",
} as const;

/**
 * Takes a body apart. Fields that stand twice are refused: provider and gateway could read different ones.
 *
 * @returns the parsed request, or a refusal (400) that names the field.
 */
export function parseInference(endpoint: WireEndpoint, body: Buffer): ParsedInference | Refusal {
  // Bytes that are no text would be read in different ways here and at the provider.
  if (!isUtf8(body)) return invalid("The body is not UTF-8.");
  const scan = findTopLevelFields(body, limits);
  if (!scan.ok) return invalid(scanMessages[scan.reason], scan.key);
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(body.toString("utf8")) as Record<string, unknown>;
  } catch {
    return invalid(scanMessages.syntax);
  }
  const { model, stream, n } = json;
  if (typeof model !== "string" || !modelPattern.test(model)) {
    return invalid("`model` must be the name of a model: 1 to 256 printable characters without spaces.", "model");
  }
  if (stream !== undefined && stream !== null && typeof stream !== "boolean")
    return invalid("`stream` must be true or false.", "stream");
  if (stream === true && endpoint === "embeddings") return invalid("Embeddings cannot be streamed.", "stream");
  for (const field of scan.fields) {
    if (unsafeNames.has(field.key)) return invalid(`\`${field.key}\` cannot be the name of a field.`, field.key);
    if (field.key.startsWith("tensorzero::") && field.key !== "tensorzero::tags") {
      return invalid(`\`${field.key.slice(0, 64)}\` is not supported.`, field.key.slice(0, 64));
    }
  }
  const options = json.stream_options;
  if (options !== undefined && options !== null && (typeof options !== "object" || Array.isArray(options))) {
    return invalid("`stream_options` must be an object.", "stream_options");
  }
  const cap = parseOutputCap(json);
  if (typeof cap === "object" && cap !== null) return cap;
  const choices = n === undefined || n === null ? 1 : n;
  if (typeof choices !== "number" || !Number.isSafeInteger(choices) || choices < 1 || choices > 128) {
    return invalid("`n` must be a whole number from 1 to 128.", "n");
  }
  return {
    body,
    fields: scan.fields,
    json,
    model,
    stream: stream === true,
    includeUsage:
      options !== undefined && options !== null && (options as Record<string, unknown>).include_usage === true,
    outputTokensMax: cap,
    choices,
  };
}

/** The smaller of the two spellings. */
function parseOutputCap(json: Readonly<Record<string, unknown>>): number | null | Refusal {
  let cap: number | null = null;
  for (const field of ["max_tokens", "max_completion_tokens"] as const) {
    const value = json[field];
    if (value === undefined || value === null) continue;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
      return invalid(`\`${field}\` must be a whole number >= 0.`, field);
    cap = cap === null ? value : Math.min(cap, value);
  }
  return cap;
}

function invalid(message: string, param?: string): Refusal {
  return makeRefusal("invalid_request", message, { param: param ?? null });
}
