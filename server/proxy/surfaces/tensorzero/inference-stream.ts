import { isJson, type Json } from "../json-value.ts";
import type { AnswerFacts, CallIdentity, StreamRenderer } from "../surface.ts";
import { type AskedInference, findFinishReason, makeInferenceUsage } from "./inference-answer.ts";

/** Writes TensorZero's chunks: unnamed events, the last with the usage, then `[DONE]`. */
export class InferenceStream implements StreamRenderer {
  readonly #head: object;
  readonly #asked: AskedInference;
  /** Of the calls of tools, by their index: only a call's first chunk has its id. */
  readonly #callIds: unknown[] = [];
  #finish: string | null = null;

  constructor(call: CallIdentity, asked: AskedInference) {
    this.#asked = asked;
    this.#head = { inference_id: call.id, episode_id: asked.episodeId, variant_name: asked.variantName };
  }

  push(chunk: Json): string {
    const choice: unknown = Array.isArray(chunk.choices) ? chunk.choices[0] : null;
    if (!isJson(choice)) return "";
    this.#finish = findFinishReason(choice) ?? this.#finish;
    const delta = isJson(choice.delta) ? choice.delta : {};
    const texts = [delta.content, delta.refusal].filter((text) => typeof text === "string" && text !== "");
    if (this.#asked.isJson) return texts.length === 0 ? "" : this.#format({ raw: texts.join("") });
    const content: object[] = texts.map((text) => ({ type: "text", id: "0", text }));
    const thought = delta.reasoning_content ?? delta.reasoning;
    if (typeof thought === "string" && thought !== "") content.unshift({ type: "thought", id: "0", text: thought });
    for (const call of Array.isArray(delta.tool_calls) ? (delta.tool_calls as unknown[]) : []) {
      if (!isJson(call)) continue;
      const fn = isJson(call.function) ? call.function : {};
      const index = typeof call.index === "number" ? call.index : 0;
      if (typeof call.id === "string" && call.id !== "") this.#callIds[index] = call.id;
      content.push({
        type: "tool_call",
        id: this.#callIds[index] ?? String(index),
        raw_name: typeof fn.name === "string" ? fn.name : null,
        raw_arguments: typeof fn.arguments === "string" ? fn.arguments : "",
      });
    }
    return content.length === 0 ? "" : this.#format({ content });
  }

  end(facts: AnswerFacts): string {
    const usage = makeInferenceUsage(facts.usage, facts.costNanoUsd);
    const last = { ...(this.#asked.isJson ? { raw: "" } : { content: [] }), usage, finish_reason: this.#finish };
    return `${this.#format(last)}data: [DONE]\n\n`;
  }

  #format(more: object): string {
    return `data: ${JSON.stringify({ ...this.#head, ...more })}\n\n`;
  }
}
