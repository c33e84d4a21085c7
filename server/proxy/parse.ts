import type { Refusal } from "../core/error.ts";
import type { JsonField } from "../core/json-spans.ts";
import { isModelName } from "../core/model-name.ts";
import type { Secret } from "../core/secret.ts";
import type { WireEndpoint } from "../providers/types.ts";
import { type JsonBody, makeInvalid, parseJsonBody } from "./json-body.ts";
import type { Translation } from "./surfaces/surface.ts";

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
  /** The most bytes of input that a provider is sent. */
  inputBytes: number;
  /** Of the providers, by the names that the config gives them; `null` where the client brought none. */
  credentials: Readonly<Record<string, Secret>> | null;
  /** The few headers of a wire that go upstream with it. */
  headers: Readonly<Record<string, string>>;
  /** Of a body that is no JSON. */
  contentType: string | null;
  /** The same request for providers that do not take it as it is; `null`: it goes as it is. */
  translation: Translation | null;
}

const noHeaders: Readonly<Record<string, string>> = Object.freeze({});

/** A request of which nothing is known yet but its bytes and its model. */
export function makeParsed(body: Buffer, { fields, json }: JsonBody, model: string): ParsedInference {
  return {
    body,
    fields,
    json,
    model,
    stream: false,
    includeUsage: false,
    outputTokensMax: null,
    choices: 1,
    inputBytes: body.length,
    credentials: null,
    headers: noHeaders,
    contentType: null,
    translation: null,
  };
}

/**
 * Reads an OpenAI-shaped request for text: chat completions, completions, embeddings.
 *
 * @returns the parsed request, or a refusal (400) that names the field.
 */
export function parseInference(endpoint: WireEndpoint, body: Buffer): ParsedInference | Refusal {
  const parsed = parseJsonBody(body);
  return "code" in parsed ? parsed : readInference(endpoint, body, parsed);
}

/** The same for a body that was taken apart. */
export function readInference(endpoint: WireEndpoint, body: Buffer, parsed: JsonBody): ParsedInference | Refusal {
  const { json } = parsed;
  const { model, stream, n } = json;
  if (!isModel(model)) return makeModelRefusal();
  if (stream !== undefined && stream !== null && typeof stream !== "boolean")
    return makeInvalid("`stream` must be true or false.", "stream");
  if (stream === true && endpoint === "embeddings") return makeInvalid("Embeddings cannot be streamed.", "stream");
  const options = json.stream_options;
  if (options !== undefined && options !== null && (typeof options !== "object" || Array.isArray(options))) {
    return makeInvalid("`stream_options` must be an object.", "stream_options");
  }
  const cap = parseOutputCap(endpoint, json);
  if (typeof cap === "object" && cap !== null) return cap;
  if (!isChoiceCount(n)) return makeInvalid("`n` must be a whole number from 1 to 128.", "n");
  const isCompletion = endpoint === "completions";
  const bestOf = isCompletion ? json.best_of : undefined;
  if (!isChoiceCount(bestOf)) return makeInvalid("`best_of` must be a whole number from 1 to 128.", "best_of");
  const result = makeParsed(body, parsed, model);
  result.stream = stream === true;
  result.includeUsage =
    options !== undefined && options !== null && (options as Record<string, unknown>).include_usage === true;
  // Embeddings produce none.
  result.outputTokensMax = endpoint === "embeddings" ? 0 : cap;
  result.choices = Math.max(n ?? 1, bestOf ?? 1) * (isCompletion ? countPrompts(json.prompt) : 1);
  return result;
}

export function isModel(value: unknown): value is string {
  return typeof value === "string" && isModelName(value);
}

export function makeModelRefusal(): Refusal {
  return makeInvalid("`model` must be the name of a model: 1 to 256 printable characters.", "model");
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
      return makeInvalid(`\`${field}\` must be a whole number >= ${least}.`, field);
    cap = cap === null ? value : Math.max(cap, value);
  }
  return cap;
}
