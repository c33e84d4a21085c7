import { openDatabase } from "../../db/client.ts";
import { parseFailpoint, setFailpoint } from "../../server/platform/failpoint.ts";
import { openLogger } from "../../server/platform/logger.ts";
import { handleAggregateUsage } from "../../workers/jobs/aggregate-usage.ts";
import { handleMergeRollups } from "../../workers/jobs/merge-rollups.ts";
import type { JobTools } from "../../workers/registry.ts";

/** Merges usage in small batches, in a process that a test can kill: `URL BATCH_EVENTS [FAILPOINT]`. Says `ready` first. */
const [, , url = "", batchEvents = "", failpoint = ""] = process.argv;
const database = openDatabase({ url, applicationName: "rollup-child", poolMax: 1 });
const logger = openLogger({ level: "silent", pretty: false, access: false });
const tools = {
  context: { database, metrics: { observeRollupLag: () => undefined } },
  logger,
  signal: new AbortController().signal,
  updateProgress: async () => undefined,
} as unknown as JobTools;
await database.sql`select 1`;
process.stdout.write("ready\n");
if (failpoint !== "") setFailpoint(parseFailpoint(failpoint));
await handleAggregateUsage(tools, Number(batchEvents));
await handleMergeRollups(tools);
await database.close();
