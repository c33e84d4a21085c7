import type { Database } from "../../db/client.ts";
import type { UsageEvent } from "../../server/core/usage-event.ts";

/** Writes events through the product's own ingest, as parts of `batchEvents`. @returns how many were new. */
export async function insertSeedEvents(
  database: Database,
  events: Iterable<UsageEvent>,
  batchEvents = 1_000,
): Promise<number> {
  const ingest = database.openUsageIngest();
  let added = 0;
  let batch: UsageEvent[] = [];
  const write = async (): Promise<void> => {
    added += await ingest.insert("seed", batch);
    batch = [];
  };
  try {
    for (const event of events) if (batch.push(event) >= batchEvents) await write();
    await write();
  } finally {
    await ingest.end();
  }
  return added;
}
