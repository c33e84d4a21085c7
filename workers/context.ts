import type { Database } from "../db/client.ts";
import type { PriceConfig } from "../server/limits/rerate-plan.ts";
import type { Clock } from "../server/platform/clock.ts";
import type { Config } from "../server/platform/config.ts";
import type { Logger } from "../server/platform/logger.ts";
import type { JobObservation, SilentLeases } from "../server/platform/metrics.ts";
import type { Queues } from "../server/platform/queues.ts";
import type { RollupLagObservation } from "../server/platform/rollup-lag-observation.ts";

/** What workers need; the process that runs them builds it and disposes of it. */
export interface WorkerContext {
  config: Pick<Config, "usage" | "dataDir" | "sealKey" | "sealKeys" | "egress" | "smtp">;
  database: Database;
  logger: Logger;
  metrics: {
    observeJob(observation: JobObservation): void;
    observeAuditChain(intact: boolean): void;
    observeKeyAdvice(counts: Record<string, number>): void;
    observeSilentLeases(silent: SilentLeases): void;
    observeRollupLag(lag: RollupLagObservation): void;
    observeBookDifferences(found: number): void;
  };
  clock: Clock;
  /** Models and prices of the config file as it is now; those that were read last where it has mistakes. */
  loadPriceConfig(): PriceConfig;
  queues: Queues;
}
