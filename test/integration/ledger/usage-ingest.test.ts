import { afterEach, beforeEach, expect, it } from "vitest";
import { type Database, openDatabase } from "../../../db/client.ts";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import type { UsageIngest } from "../../../db/usage-ingest.ts";
import type { PublicId } from "../../../server/core/api-key.ts";
import type { UsageEvent } from "../../../server/core/usage-event.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { waitUntil } from "../../support/wait-until.ts";

let test: TestDatabase;
let database: Database;
let ingest: UsageIngest;

beforeEach(async () => {
  test = await openTestDatabase();
  database = openDatabase({ url: test.url, applicationName: "test-ingest" });
  ingest = database.openUsageIngest();
});
afterEach(async () => {
  await ingest.end();
  await database.close();
  await test.close();
});

/** Everything that is stored but the number of the part, as PostgreSQL writes it. */
const listRows = async ({ database: { sql } }: TestDatabase) =>
  (await sql`select (to_jsonb(e) - 'part_id')::text as row from usage_event e order by id`).map(({ row }) =>
    String(row),
  );

const nowMs = Date.now();
const texts = [
  "",
  "a",
  "é",
  "日本語のテキスト",
  "😀",
  'quote " and \\ backslash',
  "tab\tnew\nline",
  "x".repeat(5_000),
  "z".repeat(41),
];
const amounts = [0, 1, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];
const money = [null, 0n, 1n, 2n ** 32n, 2n ** 63n - 1n];

/** Events that between them hold every awkward value in every column of its kind. */
function makeAwkwardEvents(): UsageEvent[] {
  return Array.from({ length: 700 }, (_, index) => {
    const pick = <T>(values: readonly T[], offset: number): T => values[(index + offset) % values.length] as T;
    return makeUsageEvent(nowMs + index, {
      ownerId: pick(texts, 0),
      model: pick(texts, 1),
      provider: pick(texts, 2),
      priceId: pick(texts, 3),
      origin: pick(texts, 4),
      clientIp: pick(texts, 5),
      keyTags: index % 3 === 0 ? "" : JSON.stringify({ [`t${index}`]: pick(texts, 6) }),
      requestTags: index % 4 === 0 ? "" : JSON.stringify({ a: pick(texts, 7) }),
      inputTokens: pick(amounts, 0),
      cachedInputTokens: pick(amounts, 1),
      outputTokens: pick(amounts, 2),
      bytesIn: pick(amounts, 3),
      bytesOut: pick(amounts, 4),
      costNanoUsd: pick(money, 0),
      reservedNanoUsd: pick(money, 1) ?? 7n,
      latencyMs: index / 7,
      firstTokenMs: index % 5 === 0 ? -1 : index / 3,
      status: pick([200, 499, 502], 0),
      stream: index % 2 === 0,
    });
  });
}

it("stores by COPY exactly what the insert statement stores", async () => {
  const events = makeAwkwardEvents();
  expect(await ingest.insert("p1", events)).toBe(events.length);
  const other = await openTestDatabase();
  try {
    await insertUsageEvents(other.database.sql, "p1", events);
    const copied = await listRows(test);
    expect(copied).toHaveLength(events.length);
    expect(copied).toEqual(await listRows(other));
  } finally {
    await other.close();
  }
});

it("stores each text of its own event where those of a key repeat", async () => {
  const keys = ["abcdefghijkl", "bcdefghijklm"].map((text) => text as PublicId);
  const changes: readonly Partial<UsageEvent>[] = [
    {},
    ...(["ownerId", "model", "provider", "endpoint", "code", "priceId", "clientIp", "origin"] as const).map(
      (field) => ({
        [field]: `other ${field}`,
      }),
    ),
    { usageSource: "estimated" },
    { budgetWindows: "key/abcdefghijkl/day/0" },
    { keyTags: '{"a":"b"}' },
    { keyTags: "" },
    { requestTags: '{"a":"b"}' },
  ];
  // Each of them twice, after each of the others, of two keys in turn, over more than two of the pieces that a batch goes in.
  const events = changes.flatMap((first) =>
    changes.flatMap((second) =>
      [first, first, second].map((change, index) =>
        makeUsageEvent(nowMs + index, { publicId: keys[index % 2] as PublicId, ...change }),
      ),
    ),
  );
  expect(events.length).toBeGreaterThan(500);
  await ingest.insert("p1", events);
  const rows = await test.database.sql`
    select id, public_id, owner_id, model, provider, endpoint, code, usage_source, price_id, client_ip, origin, budget_windows,
      key_tags, request_tags from usage_event`;
  const stored = new Map(rows.map(({ id, ...row }) => [String(id), row]));
  expect(stored.size).toBe(events.length);
  const parse = (tags: string): unknown => (tags === "" ? null : JSON.parse(tags));
  for (const event of events) {
    expect(stored.get(event.id)).toEqual({
      public_id: event.publicId,
      owner_id: event.ownerId,
      model: event.model,
      provider: event.provider,
      endpoint: event.endpoint,
      code: event.code,
      usage_source: event.usageSource,
      price_id: event.priceId,
      client_ip: event.clientIp,
      origin: event.origin,
      budget_windows: event.budgetWindows === "" ? null : event.budgetWindows,
      key_tags: parse(event.keyTags),
      request_tags: parse(event.requestTags),
    });
  }
});

it("registers one part for each batch, with the number and the times of its events", async () => {
  const events = makeAwkwardEvents();
  await ingest.insert("p1", events);
  await ingest.insert("p1", [makeUsageEvent(nowMs)]);
  const parts = await test.database.sql`
    select p.process, p.events, count(e.id)::int as stored, p.first_at = min(e.at) as first, p.last_at = max(e.at) as last
    from usage_part p left join usage_event e using (part_id) group by p.part_id order by p.part_id`;
  const rest = { process: "p1", first: true, last: true };
  expect([...parts]).toEqual([
    { ...rest, events: events.length, stored: events.length },
    { ...rest, events: 1, stored: 1 },
  ]);
});

it("leaves out what is stored already and adds the rest of the batch", async () => {
  expectPostgresLog(/duplicate key value violates unique constraint/);
  const events = makeAwkwardEvents();
  await ingest.insert("p1", events.slice(0, 300));
  expect(await ingest.insert("p1", events.slice(200))).toBe(400);
  expect(await ingest.insert("p1", events)).toBe(0);
  expect(await listRows(test)).toHaveLength(events.length);
  const [parts] = await test.database.sql`select count(*)::int as parts, sum(events)::int as events from usage_part`;
  expect(parts).toEqual({ parts: 2, events: events.length });
});

it("goes on with a new connection after its own was ended by the server", async () => {
  expectPostgresLog(/terminating connection due to administrator command/);
  await ingest.insert("p1", [makeUsageEvent(nowMs)]);
  const ended = await test.database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test-ingest:ingest'`;
  expect(ended).toHaveLength(1);
  const event = makeUsageEvent(nowMs);
  await waitUntil(
    async () => (await ingest.insert("p1", [event]).catch(() => -1)) >= 0,
    "a new connection takes the batch",
  );
  expect(await listRows(test)).toHaveLength(2);
});
