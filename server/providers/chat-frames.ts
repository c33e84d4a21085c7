import type { LanguageModelV3StreamPart } from "@ai-sdk/provider";
import { type ChatIdentity, makeCallExtra, makeFinishReason, makeImage, makeReasoningDetails } from "./chat-answer.ts";
import { makeChatUsage } from "./chat-usage.ts";

type Finish = Extract<LanguageModelV3StreamPart, { type: "finish" }>;

interface OpenCall {
  index: number;
  /** Whether any of its arguments have been written. */
  begun: boolean;
}

/** Writes the parts of one answer as OpenAI's event stream. One per stream. */
export class ChatFrames {
  readonly #identity: ChatIdentity;
  readonly #tail: string;
  readonly #calls = new Map<string, OpenCall>();
  readonly #reasoning = new Map<string, string>();
  #head = "";
  #begun = false;
  /** The end that the provider announced; `null` while it has not. */
  finish: Finish | null = null;

  /** @param includeUsage the client asked for the usage: then every other frame says that it has none. */
  constructor(identity: ChatIdentity, includeUsage: boolean) {
    this.#identity = identity;
    this.#tail = includeUsage ? ',"usage":null}\n\n' : "}\n\n";
    this.#setModel(identity.model);
  }

  /** Whether the provider said why it stopped, and what it counted: all else may be a stream that was cut off. */
  get isComplete(): boolean {
    return this.finish?.finishReason.raw !== undefined && makeChatUsage(this.finish.usage) !== null;
  }

  /** The frames of one part; empty where the client need not know of it. */
  push(part: LanguageModelV3StreamPart): string {
    switch (part.type) {
      case "response-metadata":
        if (part.modelId !== undefined) this.#setModel(part.modelId);
        return "";
      case "text-delta":
        return part.delta === "" ? "" : this.#frame(`{"content":${JSON.stringify(part.delta)}}`);
      case "reasoning-start":
      case "reasoning-delta":
        return this.#pushReasoning(part);
      case "reasoning-end":
        return this.#endReasoning(part);
      case "tool-input-start":
        if (part.providerExecuted === true) return "";
        return this.#openCall(part.id, part.toolName, "", {});
      case "tool-input-delta": {
        const call = this.#calls.get(part.id);
        if (call === undefined || part.delta === "") return "";
        call.begun = true;
        return this.#callFrame({ index: call.index, function: { arguments: part.delta } });
      }
      case "tool-call":
        return part.providerExecuted === true ? "" : this.#pushCall(part);
      case "file":
        return this.#frame(JSON.stringify({ images: [makeImage(part.mediaType, part.data)] }));
      case "finish":
        this.finish = part;
        return "";
      default:
        return "";
    }
  }

  /** The last frames of an answer that is complete: why it ended, the usage, `[DONE]`. */
  end(): string {
    if (this.finish === null) return "";
    const reason = this.#frame("{}", makeFinishReason(this.finish.finishReason, this.#calls.size > 0));
    const usage = `data: ${this.#head},"choices":[],"usage":${JSON.stringify(makeChatUsage(this.finish.usage))}}\n\n`;
    return `${reason}${usage}data: [DONE]\n\n`;
  }

  #setModel(model: string): void {
    const { requestId, createdSeconds } = this.#identity;
    const head = { id: `chatcmpl-${requestId}`, object: "chat.completion.chunk", created: createdSeconds, model };
    this.#head = JSON.stringify(head).slice(0, -1);
  }

  #frame(delta: string, finishReason: string | null = null): string {
    const reason = finishReason === null ? "null" : `"${finishReason}"`;
    const write = (text: string, why: string): string =>
      `data: ${this.#head},"choices":[{"index":0,"delta":${text},"logprobs":null,"finish_reason":${why}}]${this.#tail}`;
    if (this.#begun) return write(delta, reason);
    this.#begun = true;
    return write('{"role":"assistant","content":"","refusal":null}', "null") + write(delta, reason);
  }

  #callFrame(call: object): string {
    return this.#frame(JSON.stringify({ tool_calls: [call] }));
  }

  #openCall(id: string, name: string, args: string, extra: object): string {
    const call = { index: this.#calls.size, begun: args !== "" };
    this.#calls.set(id, call);
    return this.#callFrame({ index: call.index, id, type: "function", function: { name, arguments: args }, ...extra });
  }

  /** The whole call, behind its pieces or instead of them. */
  #pushCall(part: Extract<LanguageModelV3StreamPart, { type: "tool-call" }>): string {
    const extra = makeCallExtra(part.providerMetadata);
    const call = this.#calls.get(part.toolCallId);
    if (call === undefined) return this.#openCall(part.toolCallId, part.toolName, part.input, extra);
    const rest = call.begun ? "" : part.input;
    if (rest === "" && Object.keys(extra).length === 0) return "";
    call.begun = true;
    return this.#callFrame({ index: call.index, function: { arguments: rest }, ...extra });
  }

  #pushReasoning(part: Extract<LanguageModelV3StreamPart, { type: "reasoning-start" | "reasoning-delta" }>): string {
    const delta = part.type === "reasoning-delta" ? part.delta : "";
    if (delta !== "") this.#reasoning.set(part.id, (this.#reasoning.get(part.id) ?? "") + delta);
    const text = delta === "" ? "" : this.#frame(`{"reasoning_content":${JSON.stringify(delta)}}`);
    return text + this.#pushDetails(part);
  }

  #endReasoning(part: Extract<LanguageModelV3StreamPart, { type: "reasoning-end" }>): string {
    const frames = this.#pushDetails(part);
    this.#reasoning.delete(part.id);
    return frames;
  }

  #pushDetails(part: Extract<LanguageModelV3StreamPart, { type: `reasoning-${string}` }>): string {
    const details = makeReasoningDetails(this.#reasoning.get(part.id) ?? "", part.providerMetadata);
    return details === null ? "" : this.#frame(JSON.stringify({ reasoning_details: [details] }));
  }
}
