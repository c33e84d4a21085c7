import type { JobObservation, SilentLeases } from "./metrics.ts";
import type { RollupLagObservation } from "./rollup-lag-observation.ts";

/** What the workers' process tells the process that started it. */
export type WorkerMessage =
  | { kind: "ready" }
  /** Whether the store of the queues answers; sent when it changes. */
  | { kind: "up"; up: boolean }
  | { kind: "job"; observation: JobObservation }
  | { kind: "audit"; intact: boolean }
  | { kind: "advice"; counts: Record<string, number> }
  | { kind: "leases"; silent: SilentLeases }
  | { kind: "rollups"; lag: RollupLagObservation }
  | { kind: "books"; found: number };
