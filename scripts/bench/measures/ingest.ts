import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../../db/client.ts";
import { migrateDatabase } from "../../../db/migrate.ts";
import type { UsageIngest } from "../../../db/usage-ingest.ts";
import type { PublicId } from "../../../server/core/api-key.ts";
import { makeEventId } from "../../../server/core/id.ts";
import type { UsageEvent } from "../../../server/core/usage-event.ts";
import { openEmbeddedPostgres } from "../../../server/platform/embedded-postgres/embedded-postgres.ts";
import { settleOnCores } from "../processes/cores.ts";
import { listDescendants } from "../processes/descendants.ts";
import type { Bench, Measure } from "./measure.ts";

/** The flusher's batch. */
const batchEvents = 4_000;
const distinctKeys = 1_000;

/** Events per second that the product's own ingest statement writes over one connection. */
export const ingest: Measure = {
  name: "ingest",
  title: `idempotent ingest, batches of ${batchEvents}, one connection`,
  run: async (bench) => {
    // PostgreSQL has the subject's core here, and this process, which writes the batches, the other one.
    const postgres = await openEmbeddedPostgres({ dataDir: mkdtempSync(join(bench.folder, "ingest-")) });
    const database = openDatabase({ url: postgres.databaseUrl, applicationName: "bench", poolMax: 1 });
    try {
      await migrateDatabase(postgres.databaseUrl);
      const ingest = database.openUsageIngest();
      // The connection, and with it PostgreSQL's process for it, comes with the first batch; so does the day's partition.
      await ingest.insert("bench", [makeEvent(0)]);
      for (const pid of [postgres.pid, ...listDescendants(postgres.pid)]) settleOnCores(pid, bench.cores.subject);
      const perSecond = await measureRounds(bench, ingest);
      const [stored] = await database.sql<{ events: string }[]>`select count(*) as events from usage_event`;
      const sent = 1 + batchEvents * (warmUpBatches + bench.options.rounds * batchesPerRound(bench));
      if (Number(stored?.events) !== sent) throw new Error(`${sent} events were sent, ${stored?.events} are stored`);
      await ingest.end();
      return {
        bars: { ingest: perSecond },
        info: [],
        notes: [
          `ingest: the flusher's own ingest (COPY and the part row in one transaction), one batch after the other; ${sent} events sent, ${sent} stored, a batch sent again added none; PostgreSQL on core ${bench.cores.subject}, the sender on core ${bench.cores.load}`,
        ],
        setups: {},
        raw: perSecond,
      };
    } finally {
      await database.close();
      await postgres.stop();
    }
  },
};

const warmUpBatches = 10;
const batchesPerRound = (bench: Bench): number => (bench.options.quick ? 10 : 50);

async function measureRounds(bench: Bench, ingest: UsageIngest): Promise<number[]> {
  const perSecond: number[] = [];
  await insertBatches(ingest, warmUpBatches);
  for (let round = 1; round <= bench.options.rounds; round += 1) {
    const rate = (batchesPerRound(bench) * batchEvents * 1_000) / (await insertBatches(ingest, batchesPerRound(bench)));
    perSecond.push(rate);
    bench.print(`  round ${round}: ${Math.round(rate)} events/s`);
  }
  return perSecond;
}

/** Milliseconds that the inserts took; making the events does not count. Then the first batch is sent again. */
async function insertBatches(ingest: UsageIngest, batches: number): Promise<number> {
  // Made beforehand: what making them leaves to the garbage collector would count.
  const events = Array.from({ length: batches }, (_, batch) =>
    Array.from({ length: batchEvents }, (__, index) => makeEvent(batch * batchEvents + index)),
  );
  const startMs = performance.now();
  for (const batch of events) {
    const added = await ingest.insert("bench", batch);
    if (added !== batchEvents) throw new Error(`${added} of ${batchEvents} new events were added`);
  }
  const spentMs = performance.now() - startMs;
  const again = await ingest.insert("bench", events[0] ?? []);
  if (again !== 0) throw new Error(`${again} events were added a second time`);
  return spentMs;
}

function makeEvent(index: number): UsageEvent {
  const atMs = Date.now();
  return {
    id: makeEventId(atMs, randomBytes(10), 0),
    atMs,
    publicId: (index % distinctKeys).toString(36).padStart(12, "0") as PublicId,
    ownerId: "",
    keyTags: '{"customer_id":"c-1042"}',
    requestTags: "",
    model: "openai::gpt-5-mini",
    provider: "openai",
    endpoint: "chat.completions",
    status: 200,
    code: "",
    stream: index % 2 === 0,
    attempts: 1,
    usageSource: "reported",
    inputTokens: 96 + (index % 400),
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    hourCacheWriteTokens: 0,
    outputTokens: 20 + (index % 200),
    reasoningTokens: 0,
    inputAudioTokens: 0,
    outputAudioTokens: 0,
    reservedNanoUsd: 2_000_000n,
    costNanoUsd: 136_000n + BigInt(index % 1_000),
    priceId: "catalogue:openai:gpt-5-mini",
    latencyMs: 812.25,
    firstTokenMs: 240.5,
    bytesIn: 700,
    bytesOut: 560,
    clientIp: "127.0.0.1",
    origin: "",
    budgetWindows: "",
  };
}
