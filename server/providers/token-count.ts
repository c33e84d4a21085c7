import { setImmediate } from "node:timers/promises";

/** Tokens that a message has besides its text: OpenAI's models add three, and one for a name. */
const messageTokens = 8;
/** Once for each call: three begin the answer, and models that reason are told a little more. */
const callTokens = 32;

/** What is longer is not looked at: two seconds of work at worst. */
const textCharactersMax = 1_000_000;
/** How much is counted before others get their turn: 0.4 ms of English, 18 ms of random letters. */
const chunkCharacters = 8_192;
/**
 * A run without a space is merged in time that grows with the square of its length (16 KB of one letter: a second). Longer
 * ones count as their bytes, which no tokenizer exceeds.
 */
const runCharactersMax = 128;

interface Tokenizer {
  countTokens(text: string, options: { disallowedSpecial: Set<string> }): number;
}

/** Text that looks like a control token is text. */
const asText = { disallowedSpecial: new Set<string>() };

const loaders = {
  o200k: (): Promise<Tokenizer> => import("gpt-tokenizer/encoding/o200k_base"),
  cl100k: (): Promise<Tokenizer> => import("gpt-tokenizer/encoding/cl100k_base"),
} as const;

const o200kModels =
  /^(gpt-4o|gpt-4\.1|gpt-5(\.[1-6])?|o1|o3|o4)(-(mini|nano|pro|chat-latest|latest))?(-\d{4}-\d\d-\d\d)?$/;
const cl100kModels =
  /^(gpt-4(-turbo|-turbo-preview)?|gpt-3\.5-turbo(-16k|-instruct)?|text-embedding-(3-small|3-large|ada-002))(-\d{4}(-\d\d-\d\d)?|-preview)?$/;

/** Fields that put nothing into the prompt. What is not here may, and then there is no count. */
const silentFields = new Set(
  `model messages prompt input max_tokens max_completion_tokens temperature top_p n best_of stream stream_options stop seed user
  presence_penalty frequency_penalty logprobs top_logprobs logit_bias metadata store service_tier reasoning_effort verbosity
  safety_identifier prompt_cache_key dimensions encoding_format echo tags tensorzero::tags`.split(/\s+/),
);

/**
 * A close upper bound of the input tokens of an OpenAI-shaped call, for calls whose bytes do not fit into a budget.
 *
 * Counts the text by the model's own tokenizer, and adds {@link messageTokens} for each message and {@link callTokens}. Only
 * for models of OpenAI whose tokenizer is known, and bodies that hold nothing but text.
 *
 * 5 ms for 100 KB of English, 220 ms for 100 KB of random letters, in turns of 18 ms at most; the first call also loads the
 * tokenizer: 180 ms in one turn, 68 MB of memory.
 *
 * @returns `null` where it cannot bound.
 */
export async function countInputTokens(
  json: Readonly<Record<string, unknown>>,
  upstreamModel: string,
): Promise<number | null> {
  const family = findFamily(upstreamModel);
  if (family === null) return null;
  for (const [name, value] of Object.entries(json)) if (value !== null && !silentFields.has(name)) return null;
  const texts: string[] = [];
  const fixed =
    json.messages === undefined ? readPrompt(json.prompt ?? json.input, texts) : readMessages(json.messages, texts);
  if (fixed === null) return null;
  if (texts.reduce((sum, text) => sum + text.length, 0) > textCharactersMax) return null;
  const tokenizer = await loaders[family]();
  let tokens = callTokens + fixed;
  for (const text of texts) tokens += await countText(tokenizer, text);
  return tokens;
}

/**
 * About how many tokens texts are, by the model's own tokenizer where it is known, else by that of OpenAI's models of 2024.
 *
 * @returns `null` where the texts are too long to be counted.
 */
export async function countTexts(texts: readonly string[], upstreamModel: string): Promise<number | null> {
  if (texts.reduce((sum, text) => sum + text.length, 0) > textCharactersMax) return null;
  const tokenizer = await loaders[findFamily(upstreamModel) ?? "o200k"]();
  let tokens = 0;
  for (const text of texts) tokens += await countText(tokenizer, text);
  return tokens;
}

function findFamily(upstreamModel: string): keyof typeof loaders | null {
  const name = /^ft:([^:]+):/.exec(upstreamModel)?.[1] ?? upstreamModel;
  if (o200kModels.test(name)) return "o200k";
  return cl100kModels.test(name) ? "cl100k" : null;
}

/** Adds the texts of messages. @returns the tokens beside them. */
function readMessages(messages: unknown, texts: string[]): number | null {
  if (!Array.isArray(messages)) return null;
  for (const message of messages as unknown[]) {
    if (typeof message !== "object" || message === null) return null;
    for (const [name, value] of Object.entries(message)) {
      if (name === "role" || name === "name" || (name === "content" && typeof value === "string")) {
        if (typeof value !== "string") return null;
        texts.push(value);
      } else if (name !== "content" || !readParts(value, texts)) return null;
    }
  }
  return messages.length * messageTokens;
}

function readParts(parts: unknown, texts: string[]): boolean {
  if (!Array.isArray(parts)) return false;
  return parts.every((part: unknown) => {
    if (typeof part !== "object" || part === null || !("type" in part) || !("text" in part)) return false;
    if (part.type !== "text" || typeof part.text !== "string" || Object.keys(part).length > 2) return false;
    // A part may be set apart from its neighbours by a token.
    texts.push(`${part.text}\n`);
    return true;
  });
}

/** A text, texts, tokens, or lists of tokens. */
function readPrompt(prompt: unknown, texts: string[]): number | null {
  if (typeof prompt === "string") texts.push(prompt);
  else if (!Array.isArray(prompt)) return null;
  else {
    let tokens = 0;
    for (const each of prompt as unknown[]) {
      if (typeof each === "string") {
        texts.push(each);
        tokens += messageTokens;
      } else if (typeof each === "number") tokens += 1;
      else if (Array.isArray(each) && each.every((token) => typeof token === "number"))
        tokens += each.length + messageTokens;
      else return null;
    }
    return tokens;
  }
  return 0;
}

async function countText(tokenizer: Tokenizer, text: string): Promise<number> {
  let tokens = 0;
  let chunk = "";
  const countChunk = async (): Promise<void> => {
    if (chunk === "") return;
    tokens += tokenizer.countTokens(chunk, asText) + 1;
    chunk = "";
    await setImmediate();
  };
  for (const [run] of text.matchAll(/\s+|\S+/g)) {
    if (run.length > runCharactersMax) {
      await countChunk();
      tokens += new TextEncoder().encode(run).length;
    } else {
      // The space stays with the word after it, as the tokenizer has it.
      if (chunk.length > chunkCharacters && /^\s/.test(run)) await countChunk();
      chunk += run;
    }
  }
  await countChunk();
  return tokens;
}
