import { noTokens } from "../../../core/usage.ts";
import { isJson, type Json } from "../json-value.ts";
import type { AnswerFacts, CallIdentity, StreamRenderer } from "../surface.ts";
import { type AskedMessage, findStopReason, makeMessageId, makeMessageUsage, readThought } from "./message-answer.ts";

function format(event: Json & { type: string }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** What the open block holds: text, a thought, or the call of a tool by its index. */
type Open = "text" | "thinking" | number | null;

/**
 * Writes Anthropic's events: `message_start`, for each block `content_block_start`, `…_delta` and `…_stop`, then
 * `message_delta` and `message_stop`. One block is open at a time, and blocks are never opened again.
 * Source: Anthropic's API reference, streaming messages.
 */
export class MessageStream implements StreamRenderer {
  readonly #call: CallIdentity;
  readonly #asked: AskedMessage;
  #begun = false;
  #open: Open = null;
  #blocks = 0;
  #calls = 0;
  #stop: object | null = null;

  constructor(call: CallIdentity, asked: AskedMessage) {
    this.#call = call;
    this.#asked = asked;
  }

  push(chunk: Json): string {
    const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : null;
    // The chunk of the usage has none.
    if (!isJson(choice)) return this.#begin();
    let text = this.#begin();
    const delta = isJson(choice.delta) ? choice.delta : {};
    const thought = this.#asked.wantsThoughts ? readThought(delta) : "";
    if (thought !== "") {
      text += this.#enter("thinking", { type: "thinking", thinking: "", signature: "" });
      text += this.#add({ type: "thinking_delta", thinking: thought });
    }
    for (const said of [delta.content, delta.refusal]) {
      if (typeof said !== "string" || said === "") continue;
      text += this.#enter("text", { type: "text", text: "" }) + this.#add({ type: "text_delta", text: said });
    }
    for (const call of Array.isArray(delta.tool_calls) ? (delta.tool_calls as unknown[]) : []) {
      if (isJson(call)) text += this.#addCall(call);
    }
    this.#stop = findStopReason(choice, this.#asked) ?? this.#stop;
    return text;
  }

  end(facts: AnswerFacts): string {
    const delta = this.#stop ?? { stop_reason: "end_turn", stop_sequence: null };
    return (
      this.#begin() +
      this.#leave() +
      format({ type: "message_delta", delta, usage: makeMessageUsage(facts.usage) }) +
      format({ type: "message_stop" })
    );
  }

  #begin(): string {
    if (this.#begun) return "";
    this.#begun = true;
    const message = {
      id: makeMessageId(this.#call.id),
      type: "message",
      role: "assistant",
      model: this.#asked.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      // What was used is known at the end, and stands in `message_delta`.
      usage: makeMessageUsage(noTokens),
    };
    return format({ type: "message_start", message });
  }

  #addCall(call: Json): string {
    const fn = isJson(call.function) ? call.function : {};
    const index = typeof call.index === "number" ? call.index : this.#calls;
    let text = "";
    if (this.#open !== index) {
      // Its block was closed when another was opened.
      if (index < this.#calls) throw new TypeError("pieces of two calls are mixed");
      this.#calls = index + 1;
      text = this.#enter(index, { type: "tool_use", id: call.id, name: fn.name, input: {} });
    }
    if (typeof fn.arguments === "string" && fn.arguments !== "")
      text += this.#add({ type: "input_json_delta", partial_json: fn.arguments });
    return text;
  }

  #enter(kind: Open, block: object): string {
    if (this.#open === kind) return "";
    const left = this.#leave();
    this.#open = kind;
    return left + format({ type: "content_block_start", index: this.#blocks, content_block: block });
  }

  #add(delta: object): string {
    return format({ type: "content_block_delta", index: this.#blocks, delta });
  }

  #leave(): string {
    if (this.#open === null) return "";
    this.#open = null;
    return format({ type: "content_block_stop", index: this.#blocks++ });
  }
}
