import { isUtf8 } from "node:buffer";
import { makeRefusal, type Refusal } from "../core/error.ts";
import { findTopLevelFields, type JsonField } from "../core/json-spans.ts";
import { isModelName } from "../core/model-name.ts";
import type { WireEndpoint } from "../providers/types.ts";

/** Structure that no honest call has, refused before it costs anything to parse. */
const limits = { depthMax: 128, valuesMax: 200_000 };
/** Names that change an object's nature for a careless reader behind us; no endpoint has such a field. */
const unsafeNames: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const choicesMax = 128;

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
  /** How many answers the provider may produce and charge for. */
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
  for (const field of scan.fields) {
    if (unsafeNames.has(field.key)) return invalid(`\`${field.key}\` cannot be the name of a field.`, field.key);
    if (field.key.startsWith("tensorzero::") && field.key !== "tensorzero::tags") {
      return invalid(`\`${field.key.slice(0, 64)}\` is not supported.`, field.key.slice(0, 64));
    }
    // V8 from 12.8 on may misread an escaped name (nodejs/node#63785); a provider would obey a field not seen here.
    if (!Object.hasOwn(json, field.key)) {
      json[field.key] = JSON.parse(body.toString("utf8", field.valueStart, field.valueEnd));
    }
  }
  const { model, stream, n } = json;
  if (typeof model !== "string" || !isModelName(model)) {
    return invalid("`model` must be the name of a model: 1 to 256 printable characters.", "model");
  }
  if (stream !== undefined && stream !== null && typeof stream !== "boolean")
    return invalid("`stream` must be true or false.", "stream");
  if (stream === true && endpoint === "embeddings") return invalid("Embeddings cannot be streamed.", "stream");
  const options = json.stream_options;
  if (options !== undefined && options !== null && (typeof options !== "object" || Array.isArray(options))) {
    return invalid("`stream_options` must be an object.", "stream_options");
  }
  const cap = parseOutputCap(endpoint, json);
  if (typeof cap === "object" && cap !== null) return cap;
  if (!isChoiceCount(n)) return invalid("`n` must be a whole number from 1 to 128.", "n");
  const isCompletion = endpoint === "completions";
  const bestOf = isCompletion ? json.best_of : undefined;
  if (!isChoiceCount(bestOf)) return invalid("`best_of` must be a whole number from 1 to 128.", "best_of");
  return {
    body,
    fields: scan.fields,
    json,
    model,
    stream: stream === true,
    includeUsage:
      options !== undefined && options !== null && (options as Record<string, unknown>).include_usage === true,
    // Embeddings produce none.
    outputTokensMax: endpoint === "embeddings" ? 0 : cap,
    choices: Math.max(n ?? 1, bestOf ?? 1) * (isCompletion ? countPrompts(json.prompt) : 1),
  };
}

function isChoiceCount(value: unknown): value is number | null | undefined {
  if (value === undefined || value === null) return true;
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= choicesMax;
}

/** Each text, and each list of tokens, in a list of prompts is answered on its own. One list of tokens is one prompt. */
function countPrompts(prompt: unknown): number {
  if (!Array.isArray(prompt) || prompt.length === 0) return 1;
  return typeof prompt[0] === "number" ? 1 : prompt.length;
}

/** The larger of the two spellings: which of them a provider obeys is its own business, and the larger one bounds both. */
function parseOutputCap(endpoint: WireEndpoint, json: Readonly<Record<string, unknown>>): number | null | Refusal {
  // A completion of no tokens scores its prompt; in a chat some providers read 0 as no cap at all.
  const least = endpoint === "completions" ? 0 : 1;
  let cap: number | null = null;
  for (const field of ["max_tokens", "max_completion_tokens"] as const) {
    const value = json[field];
    if (value === undefined || value === null) continue;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least)
      return invalid(`\`${field}\` must be a whole number >= ${least}.`, field);
    cap = cap === null ? value : Math.max(cap, value);
  }
  return cap;
}

function invalid(message: string, param?: string): Refusal {
  return makeRefusal("invalid_request", message, { param: param ?? null });
}
