import type { IncomingMessage } from "node:http";
import type { ApiKey } from "../core/api-key.ts";
import type { Refusal } from "../core/error.ts";
import { isRefusal, type KeyRefusal } from "../keys/authenticate.ts";
import type { KnownKey } from "../keys/known-key.ts";
import { findCorsOrigin, findPlaceRefusal } from "./admit.ts";
import type { ProxyContext } from "./context.ts";
import { noticeRefusal } from "./notice-refusal.ts";

/** The bearer keys of admin calls. */
export interface AdminCaller {
  /** Judges the bearer of a call: the key, and the network that it may be used from. */
  authenticate(request: IncomingMessage): Promise<{ ok: true; key: ApiKey } | { ok: false; refusal: Refusal }>;
  /** Counts a call that was refused, as calls of inference are counted. Those of a session have no key, and are not. */
  noticeRefusal(request: IncomingMessage, refusal: Refusal): void;
}

export function makeAdminCaller(proxy: ProxyContext): AdminCaller {
  const found = new WeakMap<IncomingMessage, KnownKey | KeyRefusal>();
  return {
    async authenticate(request) {
      const known = await proxy.authenticate(request, "bearer");
      found.set(request, known);
      if (isRefusal(known)) return { ok: false, refusal: known };
      const address = proxy.findClientAddress(request);
      const refusal = findPlaceRefusal(known, address, findCorsOrigin(known, request.headers.origin));
      if (refusal !== null) return { ok: false, refusal };
      proxy.lastUsed.noticeUse(known, proxy.clock.nowMs(), address);
      return { ok: true, key: known.key };
    },
    noticeRefusal(request, refusal) {
      const known = found.get(request);
      if (known === undefined) return;
      const origin = isRefusal(known) ? null : findCorsOrigin(known, request.headers.origin);
      noticeRefusal(proxy, request, "", known, refusal, origin);
    },
  };
}
