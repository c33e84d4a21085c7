import { isJson, type Json } from "../json-value.ts";
import type { AnswerFacts, CallIdentity, StreamRenderer } from "../surface.ts";
import { makeCost } from "./inference-answer.ts";

/** What an answer says beside the provider's words. */
export interface AskedCompletion {
  episodeId: string;
  /** In the spelling that TensorZero answers with. */
  model: string;
  /** Whether the client asked for the usage of a stream. */
  includeUsage: boolean;
}

function makeHead(id: string, asked: AskedCompletion): object {
  return { id, episode_id: asked.episodeId, model: asked.model, system_fingerprint: "" };
}

function makeUsage(usage: unknown, { costNanoUsd }: AnswerFacts): object {
  return { ...(isJson(usage) ? usage : {}), tensorzero_cost: makeCost(costNanoUsd) };
}

/**
 * A chat completion with TensorZero's own fields.
 *
 * @throws where the provider's is none.
 */
export function makeCompletion(chat: Json, facts: AnswerFacts, asked: AskedCompletion): object {
  if (!Array.isArray(chat.choices)) throw new TypeError("no choices");
  return { ...chat, ...makeHead(facts.id, asked), usage: makeUsage(chat.usage, facts) };
}

/** The chunks of a chat completion with TensorZero's own fields. */
export class CompletionStream implements StreamRenderer {
  readonly #head: object;
  readonly #asked: AskedCompletion;
  /** Of the chunk with the usage, which waits for the cost. */
  #last: Json = {};
  #usage: unknown = null;

  constructor(call: CallIdentity, asked: AskedCompletion) {
    this.#asked = asked;
    this.#head = makeHead(call.id, asked);
  }

  push(chunk: Json): string {
    const { usage, choices, ...rest } = chunk;
    if (isJson(usage)) this.#usage = usage;
    this.#last = rest;
    if (!Array.isArray(choices) || choices.length === 0) return "";
    return this.#format({ ...rest, ...this.#head, choices });
  }

  end(facts: AnswerFacts): string {
    const last = { ...this.#last, ...this.#head, choices: [], usage: makeUsage(this.#usage, facts) };
    return `${this.#asked.includeUsage ? this.#format(last) : ""}data: [DONE]\n\n`;
  }

  #format(chunk: object): string {
    return `data: ${JSON.stringify(chunk)}\n\n`;
  }
}
