/**
 * What one image can come to, in tokens, whatever its bytes: a URL says nothing about them. gpt-4o-mini counts an image in
 * tiles of 5,667 tokens, of which there are at most eight, and 2,833 for itself: 48,169. No catalogue model counts more.
 */
export const imageTokensMax = 48_169;

/** The largest context window that is on offer, for models of which the catalogue says nothing. */
export const contextTokensDefault = 1_048_576;

/** A bound of what a call can cost before it is made. */
export interface CallBound {
  inputTokens: number;
  /** Beyond the output cap: what is predicted is charged as output where it was wrong. */
  extraOutputTokens: number;
  /** The provider is asked to keep parts of the input for an hour, which costs more. */
  isHourCached: boolean;
}

/** Deeper than any body that a provider takes; below this everything counts as out of sight. */
const depthMax = 64;

/** Names of fields whose content is held by the provider, or fetched by it: nothing in the body bounds it. */
const remoteFields = new Set([
  "file_id",
  "file_url",
  "previous_response_id",
  "conversation",
  "vector_store_ids",
  "container",
  "server_url",
]);

interface Found {
  images: number;
  isRemote: boolean;
  isHourCached: boolean;
}

/**
 * The most input tokens that a body can be counted as. No tokenizer makes more tokens than there are bytes; an image has
 * {@link imageTokensMax}; where content is not in the body, the context window bounds it, which bounds it always.
 *
 * @param body its JSON, of any API that we speak.
 * @param bodyBytes its length on the wire.
 * @param contextTokensMax the model's context window; `null`: not known.
 */
export function makeInputBound(
  body: Readonly<Record<string, unknown>>,
  bodyBytes: number,
  contextTokensMax: number | null,
): CallBound {
  const found: Found = { images: 0, isRemote: false, isHourCached: false };
  lookInto(body, 0, found);
  // A stored prompt of the responses API; the text of `/completions` is no table.
  if (isTable(body.prompt)) found.isRemote = true;
  const inBody = bodyBytes + found.images * imageTokensMax;
  return {
    inputTokens: found.isRemote ? Math.max(inBody, contextTokensMax ?? contextTokensDefault) : inBody,
    extraOutputTokens: countPrediction(body.prediction),
    isHourCached: found.isHourCached,
  };
}

function lookInto(value: unknown, depth: number, found: Found): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > depthMax) {
    found.isRemote = true;
    return;
  }
  if (Array.isArray(value)) {
    for (const each of value) lookInto(each, depth + 1, found);
    return;
  }
  const fields = value as Readonly<Record<string, unknown>>;
  if (isImage(fields)) found.images += 1;
  for (const name of Object.keys(fields)) {
    const inner = fields[name];
    if (inner === null || inner === undefined) continue;
    if (remoteFields.has(name) && isReference(name, inner)) found.isRemote = true;
    if (name === "ttl" && inner === "1h") found.isHourCached = true;
    lookInto(inner, depth + 1, found);
  }
  if (isRemotePart(fields)) found.isRemote = true;
}

/** OpenAI's chat and responses, Anthropic's. */
function isImage({ type }: Readonly<Record<string, unknown>>): boolean {
  return type === "image_url" || type === "input_image" || type === "image";
}

/** Any text under such a name, also where it means something else: too much is reserved then, never too little. */
function isReference(name: string, value: unknown): boolean {
  return name === "container" || name === "vector_store_ids" || name === "conversation" || typeof value === "string";
}

/** A file, which may be packed or hold pictures of pages, and a tool whose results the provider adds to the input by itself. */
function isRemotePart({ type, source }: Readonly<Record<string, unknown>>): boolean {
  if (type === "file" || type === "input_file" || type === "video_url" || type === "item_reference") return true;
  if (type === "document") return !isTable(source) || (source.type !== "text" && source.type !== "content");
  return typeof type === "string" && /^(web_search|file_search|code_interpreter|mcp|computer|web_fetch)/.test(type);
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function countPrediction(prediction: unknown): number {
  return isTable(prediction) ? new TextEncoder().encode(JSON.stringify(prediction)).length : 0;
}
