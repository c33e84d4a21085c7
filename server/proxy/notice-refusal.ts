import type { IncomingMessage } from "node:http";
import { findStatus, type Refusal } from "../core/error.ts";
import { isRefusal, type KeyRefusal } from "../keys/authenticate.ts";
import type { KnownKey } from "../keys/known-key.ts";
import type { ResolvedModel } from "../providers/model-table.ts";
import type { ProxyContext } from "./context.ts";

const countedStatuses: ReadonlySet<number> = new Set([401, 403, 429]);

/**
 * Counts a call that was refused for its key, its rights or its limits. What a client may write at will is not kept: of models
 * only those with a price or a name in the config file, of origins only those that a key allows.
 *
 * @param found what the call's credential led to.
 * @param endpoint `""` for what is no inference.
 */
export function noticeRefusal(
  proxy: ProxyContext,
  request: IncomingMessage,
  endpoint: string,
  found: KnownKey | KeyRefusal,
  refusal: Refusal,
  origin: string | null,
  model: ResolvedModel | null = null,
): void {
  const status = findStatus(refusal);
  if (!countedStatuses.has(status)) return;
  const known = isRefusal(found) ? found.known : found;
  const isNamed =
    model !== null &&
    // The built-in `echo` has a price for any name.
    (model.pricedTargets.some(({ type }) => type !== "echo") || proxy.config.models.has(model.name));
  const nowMs = proxy.clock.nowMs();
  const call = {
    publicId: known?.key.publicId ?? "",
    ownerId: known?.key.ownerId ?? "",
    keyTags: known?.tagsJson ?? "",
    model: isNamed ? model.name : "",
    endpoint,
    status,
    code: refusal.code,
    origin: origin?.slice(0, 256) ?? "",
  };
  if (refusal.code === "invalid_api_key") proxy.refusals.addUnknown(proxy.findClientAddress(request), nowMs);
  proxy.refusals.add(call, nowMs);
}
