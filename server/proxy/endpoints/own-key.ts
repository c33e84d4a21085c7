import type { Request, Response } from "express";
import { makeApiKeyView } from "../../core/api-key-view.ts";
import { makeBudgetViews } from "../../core/budget-view.ts";
import { makeKeyWindows } from "../../core/key-budgets.ts";
import { formatUsd } from "../../core/money.ts";
import type { KnownKey } from "../../keys/known-key.ts";
import { openCaller } from "../caller.ts";
import type { ProxyContext } from "../context.ts";
import type { OwnSpend } from "../own-records.ts";
import { respondJson, respondRefusal } from "../respond.ts";

/**
 * `GET /v1/key`: a key reads what it is, what it may, what it used today and this month, and what is left of its own
 * budgets; of those above it (its owner's, the deployment's) nothing. Any permission will do, and
 * no limit that is used up keeps it from that. What only its maker knows stays out.
 */
export async function handleOwnKey(proxy: ProxyContext, request: Request, response: Response): Promise<void> {
  const caller = await openCaller(proxy, request, response, null);
  if (caller === null) return;
  const { known, requestId, corsOrigin } = caller;
  const nowMs = proxy.clock.nowMs();
  const windowIds = makeKeyWindows(known.key, nowMs).map(({ id }) => id);
  const spend = await proxy.ownRecords.loadSpend(known.key.publicId, windowIds);
  if ("code" in spend) return respondRefusal(request, response, requestId, spend, corsOrigin);
  respondJson(response, requestId, makeView(known, spend, nowMs), corsOrigin);
}

/** A closed list: nothing new leaves by accident. */
function makeView(known: KnownKey, spend: OwnSpend, nowMs: number) {
  const view = makeApiKeyView(known.key, nowMs);
  const makeSpend = ({ since, requests, errors, costNanoUsd }: OwnSpend["day"]) => ({
    since: since.toISOString(),
    requests,
    errors,
    cost_usd: formatUsd(costNanoUsd),
  });
  return {
    public_id: view.public_id,
    alias: view.alias,
    name: view.name,
    type: view.type,
    state: view.state,
    owner_id: view.owner_id,
    permissions: view.permissions,
    models: view.models,
    tags: view.tags,
    budgets: makeBudgetViews(known.key, nowMs, spend.windows),
    rate_limits: view.rate_limits,
    max_output_tokens: view.max_output_tokens,
    allowed_ips: view.allowed_ips,
    allowed_origins: view.allowed_origins,
    on_disconnect: view.on_disconnect,
    created_at: view.created_at,
    // Of the secret that was presented: an old one ends with the overlap of its rotation.
    expires_at: Number.isFinite(known.expiresAtMs) ? new Date(known.expiresAtMs).toISOString() : null,
    last_used_at: known.touchedAtMs === 0 ? null : new Date(known.touchedAtMs).toISOString(),
    rotated_at: view.rotated_at,
    usage: { day: makeSpend(spend.day), month: makeSpend(spend.month) },
  };
}
