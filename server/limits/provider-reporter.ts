import type { Database } from "../../db/client.ts";
import { deleteProviderHealth, updateProviderHealth } from "../../db/queries/provider-health.ts";
import type { ProviderReport } from "../core/provider-report.ts";
import type { Logger } from "../platform/logger.ts";

const intervalMs = 5_000;

export interface ProviderReporterOptions {
  database: Database;
  logger: Logger;
  process: string;
  /** Providers that were called at least once. */
  list(): readonly ProviderReport[];
}

/** Writes what this process sees of its providers into PostgreSQL every five seconds, for `GET /admin/providers`. */
export function openProviderReporter(options: ProviderReporterOptions): { close(): Promise<void> } {
  const { database, logger, process } = options;
  let running: Promise<void> | null = null;
  let hasReported = false;

  const report = async (): Promise<void> => {
    const reports = options.list();
    if (reports.length === 0) return;
    try {
      await updateProviderHealth(database.sql, process, reports);
      hasReported = true;
    } catch (error) {
      // For people to look at only: nothing depends on it, and the next one says the same and more.
      logger.debug({ err: error }, "the health of providers could not be reported");
    }
  };
  const timer = setInterval(() => {
    running ??= report().finally(() => {
      running = null;
    });
  }, intervalMs);
  timer.unref();

  return {
    async close() {
      clearInterval(timer);
      await running;
      if (hasReported) await deleteProviderHealth(database.sql, process).catch(() => undefined);
    },
  };
}
