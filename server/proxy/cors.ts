import type { IncomingMessage, ServerResponse } from "node:http";
import { makeRefusal } from "../core/error.ts";
import type { ProxyContext } from "./context.ts";
import { respondPreflight, respondRefusal } from "./respond.ts";

/** Request headers that a page may send: those that the API has a meaning for, and those that the vendors' SDKs add. */
const allowedHeader =
  /^(?:accept|authorization|content-type|idempotency-key|user-agent|x-api-key|x-tollgate-tags|openai-[a-z-]{1,40}|anthropic-[a-z-]{1,60}|x-stainless-[a-z-]{1,40})$/;

/** Those of the asked-for headers that may be sent, each once. */
function listAllowedHeaders(asked: string): string[] {
  const names = asked.split(",").map((name) => name.trim().toLowerCase());
  return [...new Set(names.filter((name) => allowedHeader.test(name)))];
}

/** True for what a browser sends before a request of another origin. It carries no key. */
export function isPreflight(request: IncomingMessage): boolean {
  const { headers, method } = request;
  return method === "OPTIONS" && headers.origin !== undefined && headers["access-control-request-method"] !== undefined;
}

/**
 * Answers a preflight from the origins that live client keys allow. It opens nothing: the request behind it is held to the
 * origins of its own key.
 *
 * @param methods what the route takes.
 */
export async function handlePreflight(
  proxy: ProxyContext,
  request: IncomingMessage,
  response: ServerResponse,
  methods: string,
): Promise<void> {
  const requestId = proxy.makeEventId();
  const origin = request.headers.origin ?? "";
  const answer = await proxy.clientOrigins.isAllowed(origin);
  if (typeof answer === "object") return respondRefusal(request, response, requestId, answer);
  if (!answer) {
    return respondRefusal(
      request,
      response,
      requestId,
      makeRefusal("origin_not_allowed", "No key may be used from this origin."),
    );
  }
  const asked = request.headers["access-control-request-headers"] ?? "";
  respondPreflight(response, requestId, { origin, methods, headers: listAllowedHeaders(asked) });
}
