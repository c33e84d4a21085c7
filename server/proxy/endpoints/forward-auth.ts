import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import { type InputIssue, listInputIssues, makeValidationRefusal } from "../../core/input-issues.ts";
import { findGrantProblems } from "../../core/permission.ts";
import { modelToCall, permissionList } from "../../core/verify-schema.ts";
import type { KnownKey } from "../../keys/known-key.ts";
import { openCaller } from "../caller.ts";
import type { ProxyContext } from "../context.ts";
import { findUseRefusal, reserveUse } from "../key-use.ts";
import { makeRateHeaders } from "../rate-headers.ts";
import { respondAllowed, respondRefusal } from "../respond.ts";

const query = z.strictObject({
  permission: permissionList,
  model: z.array(modelToCall).max(1, "must stand once"),
  status: z.array(z.enum(["200", "204"])).max(1, "must stand once"),
});

const oneRequest = { requests: 1, inputTokens: 0, outputTokens: 0, cost: 0n };

/** Envoy writes the path of the guarded request behind the path that it is given: `…&path=` takes it, and is not read. */
const guardedPath = /[?&]path=.*$/s;

/**
 * `GET /v1/keys/forward-auth?permission=vec:write&model=…&status=200`: a proxy (nginx `auth_request`, Traefik
 * `forwardAuth`, Envoy `ext_authz`) asks whether the request before it may pass. The key is the bearer of that request;
 * its address counts where this proxy is trusted; its origin is the header's.
 *
 * Answers 204 (or 200, for Envoy, which takes no other) with who it is in headers that are safe to pass on, or 401, 403 or 429.
 * All permissions that are named are needed. Each question counts as one request in the limits of the key: 429 past them.
 */
export async function handleForwardAuth(
  proxy: ProxyContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const startedAtMs = proxy.clock.monotonicMs();
  const caller = await openCaller(proxy, request, response, null);
  if (caller !== null) {
    const { known, requestId, address, corsOrigin } = caller;
    const parsed = parseQuery(request.url ?? "", proxy.config.permissions);
    const mayNot =
      "issues" in parsed
        ? makeValidationRefusal(parsed.issues)
        : findUseRefusal(proxy, known, {
            permissions: parsed.permission,
            model: parsed.model[0] ?? null,
            address,
            origin: request.headers.origin,
          });
    const { refusal, states } = await reserveUse(proxy, known, oneRequest, mayNot);
    const rates = makeRateHeaders(states);
    const isPlain = "status" in parsed && parsed.status[0] === "200";
    if (refusal !== null) respondRefusal(request, response, requestId, refusal, corsOrigin, rates);
    else respondAllowed(response, requestId, isPlain, [...makeIdentity(known), ...rates]);
  }
  const durationMs = proxy.clock.monotonicMs() - startedAtMs;
  proxy.metrics.observeRequest("forward_auth", response.statusCode, "", durationMs, durationMs);
}

function parseQuery(url: string, catalogue: readonly string[]): z.output<typeof query> | { issues: InputIssue[] } {
  const cut = url.indexOf("?");
  const text = cut === -1 ? "" : url.slice(cut).replace(guardedPath, "");
  const values: Record<string, string[]> = Object.assign(Object.create(null), {
    permission: [],
    model: [],
    status: [],
  });
  for (const [name, value] of new URLSearchParams(text)) {
    const list = values[name];
    if (list === undefined) values[name] = [value];
    else list.push(value);
  }
  const result = query.safeParse(values);
  if (!result.success) return { issues: listInputIssues(result.error, [...Object.keys(query.shape), "path"]) };
  const issues = findGrantProblems(result.data.permission, catalogue, "permission");
  return issues.length > 0 ? { issues } : result.data;
}

/** Percent-encoded in UTF-8, but for what a header, a list and a pair may hold as it is. */
function encodeText(text: string): string {
  return text.replace(/[^\w.~:@/+-]+/gu, (part) => encodeURIComponent(part));
}

/** Always all of them, so that what the client itself sent under these names is replaced. */
function makeIdentity({ key }: KnownKey): string[] {
  const tags = Object.entries(key.tags).map(([name, value]) => `${name}=${encodeText(value)}`);
  tags.sort();
  return [
    "x-tollgate-public-id",
    key.publicId,
    "x-tollgate-owner-id",
    encodeText(key.ownerId ?? ""),
    "x-tollgate-tags",
    tags.join(","),
  ];
}
