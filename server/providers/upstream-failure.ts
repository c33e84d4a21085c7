import { errors } from "undici";
import type { UpstreamFailure, UpstreamFailureKind } from "./types.ts";

const messageLengthMax = 200;

export type UpstreamStage = "connect" | "head" | "body";

/** The codes undici gives when it was told to close while a call was under way. */
const endedByUs = new Set(["UND_ERR_DESTROYED", "UND_ERR_CLOSED", "UND_ERR_ABORTED"]);
const brokenProtocol = new Set(["UND_ERR_HEADERS_OVERFLOW", "UND_ERR_RES_EXCEEDED_MAX_SIZE"]);

/**
 * Names what ended an attempt. The message never holds a header or a body.
 *
 * @param stage how far the attempt had come: from `head` on the upstream may have seen the request, at `body` its head
 *   was relayed.
 */
export function makeUpstreamFailure(error: Error, stage: UpstreamStage): UpstreamFailure {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  // An attempt on several addresses is an AggregateError, whose own message is empty.
  const message = error.message === "" ? code || error.name : error.message.slice(0, messageLengthMax);
  return { kind: findKind(error, code, stage), message };
}

function findKind(error: Error, code: string, stage: UpstreamStage): UpstreamFailureKind {
  if (endedByUs.has(code)) return "aborted";
  if (stage === "connect") return "connect";
  if (brokenProtocol.has(code)) return "protocol";
  // A peer that closes within an answer is a broken connection, though the parser finds it.
  if (error instanceof errors.HTTPParserError) return error.message.includes("EOF") ? "reset" : "protocol";
  // Lengths that contradict each other in the head. Later it means that the body broke off.
  if (code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH") return stage === "head" ? "protocol" : "reset";
  // "bad response", "bad upgrade": an answer that HTTP does not allow here.
  if (code === "UND_ERR_SOCKET" && error.message.startsWith("bad ")) return "protocol";
  return "reset";
}
