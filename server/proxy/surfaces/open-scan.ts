import { SseAnthropicScan } from "../../providers/sse-anthropic-scan.ts";
import { SseOpenAiScan } from "../../providers/sse-openai-scan.ts";
import type { UpstreamRequest } from "../../providers/types.ts";
import type { StreamScan } from "./surface.ts";
import { TypedEventScan } from "./typed-event-scan.ts";

/** What reads a provider's stream that passes through, by what the provider was asked. */
export function openScan(asked: UpstreamRequest, includeUsage: boolean, eventBytesMax: number): StreamScan {
  if (asked.endpoint === "messages") return new SseAnthropicScan({ eventBytesMax });
  if (asked.endpoint !== "chat_completions" && asked.endpoint !== "completions")
    return new TypedEventScan(eventBytesMax);
  return new SseOpenAiScan({
    outputField: asked.endpoint === "completions" ? "text" : "delta",
    dropUsageOnly: !includeUsage,
    eventBytesMax,
  });
}
