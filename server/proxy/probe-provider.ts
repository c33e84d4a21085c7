import type { PriceBook } from "../core/price-book.ts";
import type { CredentialVault } from "../keys/credential-vault.ts";
import type { Clock } from "../platform/clock.ts";
import type { ProviderConfig } from "../platform/config.ts";
import { openHealthBook } from "../providers/health-book.ts";
import type { Providers } from "../providers/registry.ts";
import { makeTarget } from "../providers/target.ts";
import type { ProviderTarget, UpstreamRequest } from "../providers/types.ts";
import { type AttemptTimes, openAttempt } from "./attempt.ts";
import { findCallTargets } from "./call-targets.ts";

const timeoutMs = 20_000;
/** Nothing is metered. */
const noPrices: PriceBook = { find: () => null };

export interface ProbeDeps {
  vault: CredentialVault;
  providers: Providers;
  clock: Clock;
}

interface Probe {
  upstreamModel: string;
  provider: ProviderConfig;
  pin: string | null;
}

/**
 * Makes the function that sends one provider the smallest call there is, one output token, with a stored credential. It counts in
 * no limit, no usage and no health, and answers no text of the provider's.
 */
export function makeProbeProvider({ vault, providers, clock }: ProbeDeps) {
  return async ({ provider, upstreamModel, pin }: Probe) => {
    await vault.load();
    const target = makeTarget(provider, {
      upstreamModel,
      modelName: upstreamModel,
      outputTokensMax: null,
      weight: null,
      health: openHealthBook().open("", provider),
      prices: noPrices,
    });
    const pins = pin === null ? null : { [provider.name]: pin };
    const found = findCallTargets(
      { vault },
      { pins },
      { targets: [target], model: { isLate: target.late !== null }, credentials: null },
    );
    if ("code" in found) return { status: null, message: "no usable credential", latencyMs: 0 };
    return await send(found[0] as ProviderTarget, providers, clock);
  };
}

async function send(target: ProviderTarget, providers: Providers, clock: Clock) {
  const cap = target.type === "openai" || target.type === "azure" ? "max_completion_tokens" : "max_tokens";
  const json = { model: target.upstreamModel, messages: [{ role: "user", content: "Hi" }], [cap]: 1 };
  const request: UpstreamRequest = {
    endpoint: "chat_completions",
    body: Buffer.from(JSON.stringify(json)),
    stream: false,
    requestId: "tollgate-credential-test",
    json,
    headers: {},
    contentType: null,
  };
  const times: AttemptTimes = { sentAtMs: -1, firstByteAtMs: -1, endedAtMs: -1 };
  const quick = Math.min(target.timeouts.totalMs, timeoutMs);
  const timeouts = { connectMs: Math.min(target.timeouts.connectMs, quick), firstByteMs: quick, idleMs: quick };
  const timed = { ...target, timeouts: { ...timeouts, totalMs: quick } };
  const startedAtMs = clock.monotonicMs();
  const result = await openAttempt(providers.get(target.type), timed, request, null, times, clock).result;
  const latencyMs = clock.monotonicMs() - startedAtMs;
  if (result.kind === "answered") {
    return { status: result.status, message: `the provider answered ${result.status}`, latencyMs };
  }
  const kind = result.kind === "failed" ? result.failure.kind : result.kind;
  return { status: null, message: `no answer: ${kind}`, latencyMs };
}
