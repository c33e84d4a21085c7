import { EventStreamCodec } from "@smithy/eventstream-codec";
import { isJson } from "./chat-content.ts";
import { hideCloudAccount, makeAnthropicError } from "./provider-error.ts";
import { formatSseEvent } from "./sse-format.ts";

/** AWS's names of what Anthropic has a name for as well. Source: Bedrock, InvokeModelWithResponseStream, errors. */
const errorTypes: Readonly<Record<string, string>> = {
  throttlingException: "rate_limit_error",
  serviceUnavailableException: "overloaded_error",
  modelTimeoutException: "timeout_error",
  validationException: "invalid_request_error",
};

const noBytes = Buffer.alloc(0);
const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("utf8")),
  (text) => Buffer.from(text, "utf8"),
);

/**
 * Reads one message of a Claude stream on Bedrock: Anthropic's event, in base64, inside of Amazon's frame.
 *
 * @returns the event as server-sent; an exception as Anthropic's `error` event; empty where there is nothing for a client.
 * @throws Error where the frame's checksums are wrong or it holds no JSON.
 */
export function makeBedrockEvent(frame: Buffer): Buffer {
  const { headers, body } = codec.decode(frame);
  const text = (name: string): string => String(headers[name]?.value ?? "");
  const said: unknown = JSON.parse(Buffer.from(body).toString("utf8"));
  if (text(":message-type") !== "event") {
    const message = isJson(said) && typeof said.message === "string" ? hideCloudAccount(said.message) : "";
    const type = errorTypes[text(":exception-type")] ?? "api_error";
    return formatSseEvent("error", JSON.stringify(makeAnthropicError(type, message)));
  }
  if (text(":event-type") !== "chunk" || !isJson(said)) return noBytes;
  // Bedrock has the event in base64; servers that stand in for it have it as it is.
  const data =
    typeof said.bytes === "string" ? Buffer.from(said.bytes, "base64").toString("utf8") : JSON.stringify(said);
  const event: unknown = JSON.parse(data);
  return formatSseEvent(isJson(event) && typeof event.type === "string" ? event.type : null, data);
}
