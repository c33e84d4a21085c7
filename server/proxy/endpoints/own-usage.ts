import type { Request, Response } from "express";
import { parseInput } from "../../core/input-issues.ts";
import { ownUsageInput } from "../../core/own-usage-schema.ts";
import { openCaller } from "../caller.ts";
import type { ProxyContext } from "../context.ts";
import { respondJson, respondRefusal } from "../respond.ts";

/** `GET /v1/usage`: a key reads its own usage, as `GET /admin/usage` tells an operator everybody's. */
export async function handleOwnUsage(proxy: ProxyContext, request: Request, response: Response): Promise<void> {
  const caller = await openCaller(proxy, request, response, null);
  if (caller === null) return;
  const { known, requestId, corsOrigin } = caller;
  const cut = request.url.indexOf("?");
  const parsed = parseInput(ownUsageInput, parseQuery(cut === -1 ? "" : request.url.slice(cut)));
  const answer = parsed.ok ? await proxy.ownRecords.loadUsage(known.key.publicId, parsed.input) : parsed.refusal;
  if ("code" in answer) return respondRefusal(request, response, requestId, answer, corsOrigin);
  respondJson(response, requestId, answer, corsOrigin);
}

/** Only `group_by` may repeat; any other field that does is no text then, and refused by its schema. */
function parseQuery(text: string): Record<string, unknown> {
  const query: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const earlier = query[name];
    query[name] = earlier === undefined ? value : [earlier, value].flat();
  }
  return query;
}
