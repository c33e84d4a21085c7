/** What one gateway process sees of one provider. */
export interface ProviderReport {
  /** `""`: the shorthands of a type. */
  model: string;
  provider: string;
  type: string;
  state: "closed" | "open" | "half_open";
  inFlight: number;
  /** Since the process started, as the next three. */
  successes: number;
  failures: number;
  openings: number;
  refused: number;
  /** To the first byte; `null` before the first answer. */
  latencyMs: number | null;
  /** In one word. */
  lastFailure: string | null;
  lastFailureAt: Date | null;
}
