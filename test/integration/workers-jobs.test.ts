import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { expireKeys } from "../../db/queries/expire-keys.ts";
import { insertUsageEvents } from "../../db/queries/insert-usage-events.ts";
import type { PublicId } from "../../server/core/api-key.ts";
import { makeEventId } from "../../server/core/id.ts";
import { noTokens } from "../../server/core/usage.ts";
import type { UsageEvent } from "../../server/core/usage-event.ts";
import { handleExpireKeys } from "../../workers/jobs/expire-keys.ts";
import { handleManagePartitions } from "../../workers/jobs/manage-partitions.ts";
import type { JobTools } from "../../workers/registry.ts";
import { expectPostgresLog } from "../support/postgres-log.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { openWorkerHarness, type WorkerHarness } from "../support/worker-harness.ts";

let cloned: TestDatabase;
let harness: WorkerHarness;
let tools: JobTools;
beforeAll(async () => {
  cloned = await openTestDatabase();
  // No jobs of its own: the handlers are called here.
  harness = openWorkerHarness({ databaseUrl: cloned.url, redisUrl: null }, []);
  const { context } = harness;
  tools = {
    context,
    logger: context.logger,
    signal: new AbortController().signal,
    updateProgress: async () => undefined,
  };
});
afterAll(async () => {
  await harness.stop();
  await cloned.close();
});

describe("expire-keys", () => {
  const sql = () => cloned.database.sql;
  const insertKeys = async (count: number, expiresIn: string, state = "active"): Promise<void> => {
    await sql()`
      insert into api_key (public_id, alias, type, permissions, models, created_by, state, expires_at)
      select substr(md5(random()::text), 1, 12), substr(md5(random()::text), 1, 16), 'production', '{}', '{}', 'test', ${state},
        now() + ${expiresIn}::interval
      from generate_series(1, ${count})`;
  };
  const countByState = async (): Promise<Record<string, number>> => {
    const rows = await sql()<
      { state: string; count: number }[]
    >`select state, count(*)::int from api_key group by state`;
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  };
  beforeEach(() => sql()`delete from api_key`);

  test("marks the keys whose time has passed, and no others", async () => {
    await insertKeys(1_200, "-1 second");
    await insertKeys(3, "-1 second", "disabled");
    await insertKeys(2, "-1 day", "revoked");
    await insertKeys(5, "1 hour");
    expect(await handleExpireKeys(tools)).toEqual({ expired: 1_203 });
    expect(await countByState()).toEqual({ expired: 1_203, revoked: 2, active: 5 });
    expect(await handleExpireKeys(tools)).toEqual({ expired: 0 });
  });

  test("two at once share the work", async () => {
    await insertKeys(2_000, "-1 second");
    const done = await Promise.all(Array.from({ length: 4 }, () => handleExpireKeys(tools)));
    expect(done.reduce((sum, { expired }) => sum + expired, 0)).toBe(2_000);
    expect(await countByState()).toEqual({ expired: 2_000 });
  });

  test("waits for nobody who is changing a key, and takes it next time", async () => {
    await insertKeys(2, "-1 second");
    await sql().begin(async (other) => {
      await other`select 1 from api_key limit 1 for update`;
      expect(await expireKeys(sql(), 100)).toBe(1);
    });
    expect(await expireKeys(sql(), 100)).toBe(1);
  });

  test("tells the gateways, and counts as a change", async () => {
    await insertKeys(1, "-1 second");
    const heard: string[] = [];
    const listener = cloned.database.openConnection("test");
    await listener.listen("key_changed", (publicId) => void heard.push(publicId));
    await handleExpireKeys(tools);
    const [row] = await sql()`select public_id, version from api_key`;
    await expect.poll(() => heard).toEqual([row?.public_id]);
    expect(row?.version).toBe(2);
    await listener.end();
  });
});

describe("manage-partitions", () => {
  const sql = () => cloned.database.sql;
  const dayMs = 86_400_000;
  const makeEvent = (atMs: number): UsageEvent => ({
    ...noTokens,
    id: makeEventId(atMs, crypto.getRandomValues(new Uint8Array(10)), 0),
    atMs,
    publicId: "4f9k2m7q1xvc" as PublicId,
    ownerId: "",
    keyTags: "",
    requestTags: "",
    model: "m",
    provider: "echo",
    endpoint: "chat_completions",
    status: 200,
    code: "",
    stream: false,
    attempts: 1,
    usageSource: "reported",
    reservedNanoUsd: 0n,
    costNanoUsd: 1n,
    priceId: "p",
    latencyMs: 1,
    firstTokenMs: 1,
    bytesIn: 1,
    bytesOut: 1,
    clientIp: "",
    origin: "",
    budgetWindows: "",
  });
  const listPartitions = async (): Promise<string[]> => {
    const rows = await sql()<{ name: string }[]>`
      select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'usage_event'::regclass order by 1`;
    return rows.map(({ name }) => name);
  };
  const nameOf = (atMs: number): string =>
    `usage_event_${new Date(atMs).toISOString().slice(0, 10).replaceAll("-", "")}`;
  const countEvents = async (): Promise<number> => {
    const [row] = await sql()<{ count: number }[]>`select count(*)::int as count from usage_event`;
    return row?.count ?? 0;
  };
  let nowMs = 0;
  beforeEach(async () => {
    for (const name of await listPartitions()) await sql()`drop table ${sql()(name)}`;
    await sql()`update usage_part set merged_at = now()`;
    await sql()`delete from usage_part`;
    const [row] = await sql()<{ now: string }[]>`select (extract(epoch from now()) * 1000)::bigint as now`;
    nowMs = Number(row?.now);
  });

  test("creates today and the days ahead, once", async () => {
    expect(await handleManagePartitions(tools)).toMatchObject({ opened: 3, dropped: 0 });
    expect(await listPartitions()).toEqual([0, 1, 2].map((day) => nameOf(nowMs + day * dayMs)));
    expect(await handleManagePartitions(tools)).toMatchObject({ opened: 0 });
  });

  test("two at once do not disturb each other", async () => {
    const done = await Promise.all([handleManagePartitions(tools), handleManagePartitions(tools)]);
    expect(done.reduce((sum, { opened }) => sum + opened, 0)).toBe(3);
  });

  test("drops whole days past retention once all their parts are merged, and loses nothing before", async () => {
    const ages = [10, 5, 4, 3, 1];
    for (const age of ages) await insertUsageEvents(sql(), "test", [makeEvent(nowMs - age * dayMs)]);
    expect(await handleManagePartitions(tools)).toMatchObject({ dropped: 0, kept: 3 });
    expect(await countEvents()).toBe(5);

    await sql()`update usage_part set merged_at = now() where first_at < now() - interval '9 days'`;
    expect(await handleManagePartitions(tools)).toMatchObject({ dropped: 1, kept: 2, parts: 1 });
    await sql()`update usage_part set merged_at = now()`;
    expect(await handleManagePartitions(tools)).toMatchObject({ dropped: 2, kept: 0, parts: 2 });
    // Three days are kept (the harness's setting): the one that is three days old is within them.
    expect(await countEvents()).toBe(2);
    const [row] = await sql()<{ count: number }[]>`select count(*)::int as count from usage_part`;
    expect(row?.count).toBe(2);
  });

  test("a part that reaches into the day from either side keeps it", async () => {
    const oldMs = Math.floor(nowMs / dayMs - 6) * dayMs;
    await insertUsageEvents(sql(), "test", [makeEvent(oldMs - 1_000), makeEvent(oldMs + 1_000)]);
    expect(await handleManagePartitions(tools)).toMatchObject({ dropped: 0, kept: 2 });
    expect(await countEvents()).toBe(2);
  });

  test("gives way to a reader and to ingest, which goes on meanwhile", async () => {
    await insertUsageEvents(sql(), "test", [makeEvent(nowMs - 9 * dayMs), makeEvent(nowMs)]);
    await sql()`update usage_part set merged_at = now()`;
    expectPostgresLog(/canceling statement due to lock timeout[\s\S]*lock table only public\.usage_event/);
    await sql().begin(async (reader) => {
      await reader`select count(*) from usage_event`;
      const job = handleManagePartitions(tools);
      const startedAt = performance.now();
      const inserting = insertUsageEvents(sql(), "test", [makeEvent(nowMs)]);
      expect(await job).toMatchObject({ busy: 1, dropped: 0 });
      expect(await inserting).toBe(1);
      expect(performance.now() - startedAt).toBeLessThan(1_000);
    });
    expect(await handleManagePartitions(tools)).toMatchObject({ busy: 0, dropped: 1 });
  });
});
