import { makeRefusal, type Refusal } from "../core/error.ts";
import type { RateResource } from "../core/rate-limit.ts";
import type { RateExcess, RateState } from "../limits/rate-windows.ts";

/** OpenAI has headers for these two; other limits are told in `RateLimit` alone. */
const families: readonly (readonly [name: string, resources: readonly RateResource[]])[] = [
  ["requests", ["requests", "model_inferences"]],
  ["tokens", ["tokens", "input_tokens", "output_tokens"]],
];

/** A wait is told up to a tenth longer than it is, so that those who were refused together do not come back together. */
const jitterShare = 0.1;

/** A time as OpenAI writes it: `20ms`, `1.5s`, `6m0s`, `1h0m0s`. */
function formatWait(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 100) / 10;
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor((seconds % 3_600) / 60);
  const rest = `${Number((seconds % 60).toFixed(1))}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

/** The limit of which the least is left, as a share. */
export function findTightest(states: readonly RateState[]): RateState | null {
  const shareLeft = ({ limit, remaining }: RateState) => (limit.limit === 0 ? 0 : remaining / limit.limit);
  return states.reduce<RateState | null>(
    (tightest, state) => (tightest === null || shareLeft(state) < shareLeft(tightest) ? state : tightest),
    null,
  );
}

/**
 * What an answer says of the limits of its call: names and values in turn.
 *
 * Source: OpenAI's `x-ratelimit-*` headers, and draft-ietf-httpapi-ratelimit-headers for the tightest of all limits.
 */
export function makeRateHeaders(states: readonly RateState[]): string[] {
  const headers: string[] = [];
  for (const [family, resources] of families) {
    const state = findTightest(states.filter(({ limit }) => resources.includes(limit.resource)));
    if (state === null) continue;
    headers.push(`x-ratelimit-limit-${family}`, String(state.limit.limit));
    headers.push(`x-ratelimit-remaining-${family}`, String(Math.floor(state.remaining)));
    headers.push(`x-ratelimit-reset-${family}`, formatWait(state.resetMs));
  }
  const tightest = findTightest(states);
  if (tightest === null) return headers;
  const { limit, remaining, resetMs } = tightest;
  const unit = limit.resource === "cost" ? ';qu="nano-usd"' : "";
  headers.push("ratelimit", `"${limit.name}";r=${Math.floor(remaining)};t=${Math.ceil(resetMs / 1_000)}`);
  headers.push("ratelimit-policy", `"${limit.name}";q=${limit.limit}${unit};w=${limit.windowMs / 1_000}`);
  return headers;
}

/** What a client is told whose call does not fit. `Retry-After` is never too early. */
export function makeRateRefusal(excess: RateExcess): Refusal {
  const { limit, waitMs } = excess;
  if (excess.reason === "store") return makeRefusal("store_unavailable", undefined, { retryAfterSeconds: 1 });
  if (limit === null) return makeRefusal("concurrency_limit_exceeded", undefined, { retryAfterSeconds: 1 });
  const isTokens = limit.resource.endsWith("tokens");
  const unit = limit.resource === "cost" ? `${limit.limit / 1e9} USD` : String(limit.limit);
  const reached = `The limit ${limit.name} of ${unit} is reached`;
  const code = isTokens ? "token_limit_exceeded" : "rate_limit_exceeded";
  if (waitMs === Number.POSITIVE_INFINITY) return makeRefusal(code, `${reached}; it lets no call through.`);
  const seconds = Math.ceil((waitMs * (1 + Math.random() * jitterShare)) / 1_000);
  return makeRefusal(code, `${reached}; retry in ${seconds} s.`, { retryAfterSeconds: seconds });
}
