import { join } from "node:path";
import { findDatabaseTime } from "../../db/queries/find-database-time.ts";
import { recoverJournals } from "../../server/ledger/recovery.ts";
import { openClock } from "../../server/platform/clock.ts";
import type { JobTools } from "../registry.ts";

/**
 * Brings the journals of gateways that died on this data folder into PostgreSQL, without waiting for the next start of one. A
 * journal whose owner lives, or may live, is left alone; of several that want one, one gets it.
 */
export async function handleAdoptJournals({ context, logger }: JobTools) {
  const { sql } = context.database;
  // Whether the owner of another container has gone silent is judged by the clock that it writes its sign of life by.
  const clock = openClock();
  const sentAtMs = clock.monotonicMs();
  const databaseMs = await findDatabaseTime(sql);
  clock.setDatabaseTime(databaseMs, sentAtMs, clock.monotonicMs());
  const report = await recoverJournals({ journalDir: join(context.config.dataDir, "journal"), sql, clock, logger });
  return { folders: report.folders, closed: report.closed, open: report.open, inserted: report.inserted };
}
