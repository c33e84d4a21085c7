import type { ProviderReport } from "../core/provider-report.ts";
import type { Clock } from "../platform/clock.ts";

/** `open`: it is not called. `half_open`: one call is let through, which decides. */
export type BreakerState = "closed" | "open" | "half_open";

export interface HealthSettings {
  /** Failures in a row that open the breaker; 0: it never opens. */
  failures: number;
  /** How long it stays open the first time; each failed probe doubles that, up to a minute. */
  openMs: number;
  /** Calls at once; `null`: any number. */
  concurrentRequestsMax: number | null;
}

/** Why a provider is not called now. */
export type HealthRefusal = "open" | "full";

const openMsMax = 60_000;
/** Weight of the newest answer in the moving average of latency. */
const latencyWeight = 0.1;

/**
 * How one provider of one model does in this process: calls that run, a breaker, counts. Shared by every call to it, whatever
 * credential it carries. Beginning and ending a call is a few additions.
 */
export class ProviderHealth {
  readonly model: string;
  readonly provider: string;
  readonly type: string;
  readonly settings: HealthSettings;
  inFlight = 0;
  successes = 0;
  failures = 0;
  /** Times that the breaker opened. */
  openings = 0;
  /** Calls that were not made because it was open or full. */
  refused = 0;
  /** Moving average over answers, milliseconds; -1 before the first. */
  latencyMs = -1;
  /** What went wrong last, in one word, and when; milliseconds since 1970. */
  lastFailure: { kind: string; atMs: number } | null = null;
  #failuresInRow = 0;
  /** Monotonic; -1 while the breaker is closed. */
  #openUntilMs = -1;
  #openMs: number;
  #isProbing = false;

  constructor(identity: { model: string; provider: string; type: string }, settings: HealthSettings) {
    this.model = identity.model;
    this.provider = identity.provider;
    this.type = identity.type;
    this.settings = settings;
    this.#openMs = settings.openMs;
  }

  /** Whether a call may be made at the monotonic instant; `null`: it may. Changes nothing. */
  findRefusal(nowMs: number): HealthRefusal | null {
    if (this.#openUntilMs >= 0 && (this.#isProbing || nowMs < this.#openUntilMs)) return "open";
    const { concurrentRequestsMax } = this.settings;
    return concurrentRequestsMax !== null && this.inFlight >= concurrentRequestsMax ? "full" : null;
  }

  /**
   * A call begins. Where the breaker's time is over it is the probe, and no other is made until it has ended.
   *
   * @returns whether it is the probe, for {@link fail} and {@link end}.
   */
  begin(): boolean {
    this.inFlight++;
    const isProbe = this.#openUntilMs >= 0;
    if (isProbe) this.#isProbing = true;
    return isProbe;
  }

  /**
   * The first byte of a stream is here. A probe is answered by it, so that others need not wait for the end of the stream; but
   * the next failure opens the breaker again.
   */
  answer(): void {
    if (this.#openUntilMs < 0) return;
    this.#openUntilMs = -1;
    this.#isProbing = false;
    this.#failuresInRow = Math.max(0, this.settings.failures - 1);
  }

  /** A whole answer that says nothing against the provider; its latency in milliseconds, to the first byte. */
  succeed(latencyMs: number): void {
    this.successes++;
    this.latencyMs = this.latencyMs < 0 ? latencyMs : this.latencyMs + latencyWeight * (latencyMs - this.latencyMs);
    this.#failuresInRow = 0;
    this.#openMs = this.settings.openMs;
    if (this.#openUntilMs < 0) return;
    this.#openUntilMs = -1;
    this.#isProbing = false;
  }

  /** The provider failed. Of calls that began before the breaker opened it is counted, and no more. */
  fail(kind: string, clock: Clock, isProbe: boolean): void {
    this.failures++;
    this.#failuresInRow++;
    this.lastFailure = { kind, atMs: clock.nowMs() };
    const { failures } = this.settings;
    if (isProbe && this.#openUntilMs >= 0) this.#openMs = Math.min(openMsMax, this.#openMs * 2);
    else if (failures === 0 || this.#failuresInRow < failures || this.#openUntilMs >= 0) return;
    this.openings++;
    this.#openUntilMs = clock.monotonicMs() + this.#openMs;
  }

  /** A call has ended, whatever came of it. A probe that said nothing, because its client left, lets the next one through. */
  end(isProbe: boolean): void {
    this.inFlight--;
    if (isProbe) this.#isProbing = false;
  }

  /** True once a call was made, or would have been. */
  get isUsed(): boolean {
    return this.successes + this.failures + this.refused + this.inFlight > 0;
  }

  getReport(nowMs: number): ProviderReport {
    const { model, provider, type, inFlight, successes, failures, openings, refused, latencyMs, lastFailure } = this;
    return {
      model,
      provider,
      type,
      state: this.getState(nowMs),
      inFlight,
      successes,
      failures,
      openings,
      refused,
      latencyMs: latencyMs < 0 ? null : latencyMs,
      lastFailure: lastFailure?.kind ?? null,
      lastFailureAt: lastFailure === null ? null : new Date(lastFailure.atMs),
    };
  }

  getState(nowMs: number): BreakerState {
    if (this.#openUntilMs < 0) return "closed";
    return this.#isProbing || nowMs >= this.#openUntilMs ? "half_open" : "open";
  }

  /** Seconds until the next probe may be made, at least 1; for `Retry-After`. */
  getRetrySeconds(nowMs: number): number {
    return Math.max(1, Math.ceil((this.#openUntilMs - nowMs) / 1_000));
  }
}
