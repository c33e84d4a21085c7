import type {
  LanguageModelV3FinishReason,
  LanguageModelV3GenerateResult,
  SharedV3ProviderMetadata,
} from "@ai-sdk/provider";
import { makeChatUsage } from "./chat-usage.ts";

/** What stands at the head of an answer and of each of its frames. */
export interface ChatIdentity {
  /** The event's id. */
  requestId: string;
  model: string;
  /** Seconds since 1970. */
  createdSeconds: number;
}

const finishReasons: Readonly<Record<LanguageModelV3FinishReason["unified"], string>> = {
  stop: "stop",
  length: "length",
  "content-filter": "content_filter",
  "tool-calls": "tool_calls",
  error: "stop",
  other: "stop",
};

/** @param called whether the answer holds tool calls: then it ended for them, whatever the provider calls that. */
export function makeFinishReason(reason: LanguageModelV3FinishReason, called: boolean): string {
  const known = finishReasons[reason.unified];
  return known === "stop" && called ? "tool_calls" : known;
}

/** What a caller has to send back with a tool call: Gemini's signature of the thought that led to it. */
export function makeCallExtra(metadata: SharedV3ProviderMetadata | undefined): object {
  const signature = (metadata?.google ?? metadata?.vertex)?.thoughtSignature;
  return typeof signature === "string" ? { extra_content: { google: { thought_signature: signature } } } : {};
}

/** What a caller has to send back with reasoning, in OpenRouter's shape; `null`: nothing. */
export function makeReasoningDetails(text: string, metadata: SharedV3ProviderMetadata | undefined): object | null {
  const said = metadata?.anthropic ?? metadata?.bedrock;
  if (typeof said?.signature === "string") return { type: "reasoning.text", text, signature: said.signature };
  if (typeof said?.redactedData === "string") return { type: "reasoning.encrypted", data: said.redactedData };
  return null;
}

/** Writes a whole answer in OpenAI's shape; reasoning in `reasoning_content`, as DeepSeek and others have it. */
export function makeChatAnswer(result: LanguageModelV3GenerateResult, identity: ChatIdentity): string {
  let text = "";
  let reasoning = "";
  const details: object[] = [];
  const calls: object[] = [];
  const images: object[] = [];
  for (const part of result.content) {
    switch (part.type) {
      case "text":
        text += part.text;
        break;
      case "reasoning": {
        reasoning += part.text;
        const detail = makeReasoningDetails(part.text, part.providerMetadata);
        if (detail !== null) details.push(detail);
        break;
      }
      case "tool-call":
        calls.push({
          id: part.toolCallId,
          type: "function",
          function: { name: part.toolName, arguments: part.input },
          ...makeCallExtra(part.providerMetadata),
        });
        break;
      case "file":
        images.push(makeImage(part.mediaType, part.data));
        break;
      default:
        break;
    }
  }
  const usage = makeChatUsage(result.usage);
  return JSON.stringify({
    id: `chatcmpl-${identity.requestId}`,
    object: "chat.completion",
    created: identity.createdSeconds,
    model: result.response?.modelId ?? identity.model,
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: text === "" && calls.length > 0 ? null : text,
          refusal: null,
          ...(reasoning === "" ? {} : { reasoning_content: reasoning }),
          ...(details.length === 0 ? {} : { reasoning_details: details }),
          ...(calls.length === 0 ? {} : { tool_calls: calls }),
          ...(images.length === 0 ? {} : { images }),
        },
        logprobs: null,
        finish_reason: makeFinishReason(result.finishReason, calls.length > 0),
      },
    ],
    ...(usage === null ? {} : { usage }),
  });
}

/** A picture that a model made, in OpenRouter's shape. */
export function makeImage(mediaType: string, data: string | Uint8Array): object {
  const base64 = typeof data === "string" ? data : Buffer.from(data).toString("base64");
  return { type: "image_url", image_url: { url: `data:${mediaType};base64,${base64}` } };
}
