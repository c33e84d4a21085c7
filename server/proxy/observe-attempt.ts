import type { AttemptOutcome } from "../platform/metrics.ts";
import type { ProviderTarget } from "../providers/types.ts";
import type { AttemptResult, AttemptTimes } from "./attempt.ts";
import type { ProxyContext } from "./context.ts";

/**
 * Counts an attempt that has ended, in the metrics and for the provider's health.
 *
 * @param isProbe of the health's `begin`.
 * @param hasOthers the model has other providers: then one that wants fewer calls (429) is given none for a while. A sole one
 * is asked each time, so that the client gets its own answer.
 */
export function observeAttempt(
  proxy: Pick<ProxyContext, "clock" | "metrics">,
  target: ProviderTarget,
  result: AttemptResult,
  times: AttemptTimes,
  isProbe: boolean,
  hasOthers: boolean,
): void {
  const { health } = target;
  health.end(isProbe);
  proxy.metrics.observeAttempt(target.providerName, getOutcome(result));
  const fault = findFault(result, hasOthers && !target.isOwnAccount);
  if (fault === null) health.succeed(times.firstByteAtMs < 0 ? 0 : times.firstByteAtMs - times.sentAtMs);
  else if (fault !== "") health.fail(fault, proxy.clock, isProbe);
}

/** In one word what the provider did wrong; `null`: nothing, `""`: the attempt says nothing of it. */
function findFault(result: AttemptResult, isLimitFault: boolean): string | null {
  switch (result.kind) {
    case "answered":
      if (result.status === 429) return isLimitFault ? "status_429" : "";
      return result.status >= 500 ? `status_${result.status}` : null;
    case "left":
      return "";
    default: {
      const { failure } = result;
      if (failure === null) return null;
      // What we ended ourselves.
      const isOurs = failure.kind === "aborted" || failure.kind === "cut" || failure.kind === "overloaded";
      return isOurs ? "" : failure.kind;
    }
  }
}

function getOutcome(result: AttemptResult): AttemptOutcome {
  switch (result.kind) {
    case "answered":
      return result.status < 400 ? "ok" : result.status < 500 ? "refused" : "failed";
    case "streamed":
      return result.failure === null ? "ok" : "failed";
    case "failed":
      if (result.failure.kind === "cut") return "aborted";
      return result.failure.kind.startsWith("timeout") ? "timeout" : "failed";
    case "left":
      return "aborted";
  }
}
