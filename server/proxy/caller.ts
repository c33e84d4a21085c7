import type { IncomingMessage, ServerResponse } from "node:http";
import type { EventId } from "../core/id.ts";
import { isRefusal } from "../keys/authenticate.ts";
import type { KnownKey } from "../keys/known-key.ts";
import { findCallerRefusal, findCorsOrigin, findPlaceRefusal } from "./admit.ts";
import type { ProxyContext } from "./context.ts";
import { noticeRefusal } from "./notice-refusal.ts";
import { respondRefusal } from "./respond.ts";
import { openAiErrors } from "./surfaces/openai-errors.ts";
import type { Surface } from "./surfaces/surface.ts";

/** Who makes a call that is no inference. */
export interface Caller {
  known: KnownKey;
  requestId: EventId;
  address: string;
  /** The origin whose pages may read the answer. */
  corsOrigin: string | null;
}

const openAiCaller: Pick<Surface, "credential" | "errors"> = { credential: "bearer", errors: openAiErrors };

/**
 * Judges the bearer of a call: the key, its permission, its networks and origins.
 *
 * @param permission `null`: any key may call.
 * @returns `null` where it was refused; the refusal is written.
 */
export async function openCaller(
  proxy: ProxyContext,
  request: IncomingMessage,
  response: ServerResponse,
  permission: string | null,
  { credential, errors } = openAiCaller,
): Promise<Caller | null> {
  const requestId = proxy.makeEventId();
  const known = await proxy.authenticate(request, credential);
  const { origin } = request.headers;
  if (isRefusal(known)) {
    const readable = origin !== undefined && proxy.clientOrigins.isHeld(origin) ? origin : null;
    respondRefusal(request, response, requestId, known, readable, [], errors);
    noticeRefusal(proxy, request, "", known, known, readable);
    return null;
  }
  const address = proxy.findClientAddress(request);
  const corsOrigin = findCorsOrigin(known, origin);
  proxy.lastUsed.noticeUse(known, proxy.clock.nowMs(), address);
  const refusal =
    permission === null
      ? findPlaceRefusal(known, address, corsOrigin)
      : findCallerRefusal(known, permission, address, corsOrigin);
  if (refusal === null) return { known, requestId, address, corsOrigin };
  respondRefusal(request, response, requestId, refusal, corsOrigin, [], errors);
  noticeRefusal(proxy, request, "", known, refusal, corsOrigin);
  return null;
}
