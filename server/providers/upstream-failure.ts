import type { UpstreamFailure, UpstreamFailureKind } from "./types.ts";

const messageLengthMax = 300;

/** The codes undici gives when it was told to close while a call was under way. */
const endedByUs = new Set(["UND_ERR_DESTROYED", "UND_ERR_CLOSED", "UND_ERR_ABORTED"]);
const brokenProtocol = new Set(["UND_ERR_HEADERS_OVERFLOW", "UND_ERR_RES_EXCEEDED_MAX_SIZE"]);

/**
 * Names what ended an attempt.
 *
 * @param sent whether the request had a connection, so that the upstream may have seen it.
 * @param host for the message; the message never holds a header or a body.
 */
export function makeUpstreamFailure(error: Error, sent: boolean, host: string): UpstreamFailure {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return { kind: findKind(code, error.message, sent), message: makeMessage(host, error, code) };
}

function findKind(code: string, message: string, sent: boolean): UpstreamFailureKind {
  if (endedByUs.has(code)) return "aborted";
  if (!sent) return "connect";
  if (brokenProtocol.has(code)) return "protocol";
  // The peer closed within a chunked answer: that is a broken connection, though the parser finds it.
  if (code === "HPE_INVALID_EOF_STATE") return "reset";
  if (code.startsWith("HPE_")) return "protocol";
  // "bad response", "bad upgrade": an answer that HTTP does not allow here.
  if (code === "UND_ERR_SOCKET" && message.startsWith("bad ")) return "protocol";
  return "reset";
}

function makeMessage(host: string, error: Error, code: string): string {
  // An attempt on several addresses is an AggregateError, whose own message is empty.
  const text = error.message === "" ? code || error.name : error.message;
  return `${host}: ${text}`.slice(0, messageLengthMax);
}
