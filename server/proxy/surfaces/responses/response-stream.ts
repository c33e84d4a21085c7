import { isJson, type Json } from "../json-value.ts";
import type { AnswerFacts, CallIdentity, StreamRenderer } from "../surface.ts";
import { findIncomplete, makeItemId, makeResponse, makeTextPart } from "./response-answer.ts";

/** The item that is being written. */
interface OpenItem {
  kind: "message" | "refusal" | "reasoning" | "call";
  id: string;
  text: string;
  /** Of a call. */
  callIndex: number;
  callId: unknown;
  name: unknown;
}

const status = { open: "in_progress", closed: "completed" } as const;

/**
 * Writes the events of a response: `response.created`, `response.in_progress`, for each item `…output_item.added`, its parts
 * and deltas, `…output_item.done`, then `response.completed` or `response.incomplete`. One item is open at a time.
 * Source: OpenAI's API reference, streaming events of responses.
 */
export class ResponseStream implements StreamRenderer {
  readonly #call: CallIdentity;
  readonly #asked: Json;
  #sequence = 0;
  #item: OpenItem | null = null;
  readonly #output: object[] = [];
  #calls = 0;
  #finish: unknown = null;

  /** @param asked the client's request, of which a response repeats much. */
  constructor(call: CallIdentity, asked: Json) {
    this.#call = call;
    this.#asked = asked;
  }

  push(chunk: Json): string {
    let text = this.#begin();
    const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : null;
    if (!isJson(choice)) return text;
    this.#finish = choice.finish_reason ?? this.#finish;
    const delta = isJson(choice.delta) ? choice.delta : {};
    text += this.#addText("reasoning", delta.reasoning_content ?? delta.reasoning, "response.reasoning_text.delta");
    text += this.#addText("message", delta.content, "response.output_text.delta");
    text += this.#addText("refusal", delta.refusal, "response.refusal.delta");
    for (const call of Array.isArray(delta.tool_calls) ? (delta.tool_calls as unknown[]) : []) {
      if (isJson(call)) text += this.#addCall(call);
    }
    return text;
  }

  end(facts: AnswerFacts): string {
    const incomplete = findIncomplete(this.#finish);
    const type = incomplete === null ? "response.completed" : "response.incomplete";
    const begun = this.#begin() + this.#close();
    const response = makeResponse(this.#call, this.#asked, this.#output, { usage: facts.usage, incomplete });
    return begun + this.#format(type, { response });
  }

  #format(type: string, fields: object): string {
    return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: this.#sequence++, ...fields })}\n\n`;
  }

  #begin(): string {
    if (this.#sequence > 0) return "";
    const response = makeResponse(this.#call, this.#asked, [], null);
    return this.#format("response.created", { response }) + this.#format("response.in_progress", { response });
  }

  #addText(kind: "message" | "refusal" | "reasoning", delta: unknown, type: string): string {
    if (typeof delta !== "string" || delta === "") return "";
    let text = "";
    if (this.#item?.kind !== kind) {
      text = this.#close() + this.#open(kind, -1, {});
      const part = this.#makePart("");
      text += this.#format("response.content_part.added", { ...this.#place(), content_index: 0, part });
    }
    if (this.#item !== null) this.#item.text += delta;
    const more = kind === "message" ? { logprobs: [] } : {};
    return text + this.#format(type, { ...this.#place(), content_index: 0, delta, ...more });
  }

  #addCall(call: Json): string {
    const fn = isJson(call.function) ? call.function : {};
    const index = typeof call.index === "number" ? call.index : this.#calls;
    let text = "";
    if (this.#item?.kind !== "call" || this.#item.callIndex !== index) {
      // Its item was closed when another was opened.
      if (index < this.#calls) throw new TypeError("pieces of two calls are mixed");
      this.#calls = index + 1;
      text = this.#close() + this.#open("call", index, { callId: call.id, name: fn.name });
    }
    if (typeof fn.arguments !== "string" || fn.arguments === "") return text;
    if (this.#item !== null) this.#item.text += fn.arguments;
    return text + this.#format("response.function_call_arguments.delta", { ...this.#place(), delta: fn.arguments });
  }

  #open(kind: OpenItem["kind"], callIndex: number, { callId, name }: { callId?: unknown; name?: unknown }): string {
    const prefix = kind === "call" ? "fc" : kind === "reasoning" ? "rs" : "msg";
    const id = makeItemId(prefix, this.#call, this.#output.length);
    this.#item = { kind, id, text: "", callIndex, callId, name };
    const item = this.#makeItem(this.#item, status.open);
    return this.#format("response.output_item.added", { output_index: this.#output.length, item });
  }

  #close(): string {
    const item = this.#item;
    if (item === null) return "";
    const place = this.#place();
    let text: string;
    if (item.kind === "call") {
      text = this.#format("response.function_call_arguments.done", {
        ...place,
        name: item.name,
        arguments: item.text,
      });
    } else {
      const part = this.#makePart(item.text);
      const done = item.kind === "message" ? "output_text" : item.kind === "refusal" ? "refusal" : "reasoning_text";
      const said = item.kind === "refusal" ? { refusal: item.text } : { text: item.text };
      const more = item.kind === "message" ? { logprobs: [] } : {};
      text =
        this.#format(`response.${done}.done`, { ...place, content_index: 0, ...said, ...more }) +
        this.#format("response.content_part.done", { ...place, content_index: 0, part });
    }
    const whole = this.#makeItem(item, status.closed);
    text += this.#format("response.output_item.done", { output_index: this.#output.length, item: whole });
    this.#output.push(whole);
    this.#item = null;
    return text;
  }

  #place(): object {
    return { item_id: this.#item?.id, output_index: this.#output.length };
  }

  #makePart(text: string): object {
    if (this.#item?.kind === "refusal") return { type: "refusal", refusal: text };
    return this.#item?.kind === "reasoning" ? { type: "reasoning_text", text } : makeTextPart(text);
  }

  #makeItem(item: OpenItem, state: string): object {
    const { kind, id, text } = item;
    if (kind === "call")
      return { type: "function_call", id, call_id: item.callId, name: item.name, arguments: text, status: state };
    const content = state === status.open ? [] : [this.#makePart(text)];
    if (kind === "reasoning") return { type: "reasoning", id, summary: [], content, status: state };
    return { type: "message", id, role: "assistant", status: state, content };
  }
}
