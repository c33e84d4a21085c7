import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertUsageEvents } from "../../db/queries/insert-usage-events.ts";
import type { PublicId } from "../../server/core/api-key.ts";
import { formatUsd } from "../../server/core/money.ts";
import type { UsageEvent } from "../../server/core/usage-event.ts";
import { type AdminHarness, openAdminHarness } from "../support/admin-harness.ts";
import { makeUsageEvent } from "../support/make-usage-event.ts";

let admin: AdminHarness;
let key: string;
const start = Date.UTC(2026, 9, 24, 12); // around the end of summer time in Berlin, 2026-10-25
const hourMs = 3_600_000;
const range = "from=2026-10-24T00:00:00Z&to=2026-10-27";

/** Two keys, two models, three tags, 72 hours; every seventh fails, every fifth has no price. */
const events: UsageEvent[] = Array.from({ length: 500 }, (_, index) =>
  makeUsageEvent(start + Math.floor((index * 48 * hourMs) / 500), {
    publicId: (index % 2 === 0 ? "aaaaaaaaaaaa" : "bbbbbbbbbbbb") as PublicId,
    ownerId: index % 2 === 0 ? "" : "bob",
    model: index % 3 === 0 ? "m1" : "m2",
    keyTags: index % 4 === 0 ? "" : JSON.stringify({ customer: `c${index % 3}` }),
    requestTags: JSON.stringify({ customer: "forged" }),
    status: index % 7 === 0 ? 500 : 200,
    costNanoUsd: index % 5 === 0 ? null : BigInt(index) * 1_000_003n,
    latencyMs: index,
    firstTokenMs: index % 2 === 0 ? index / 2 : -1,
    cachedInputTokens: index,
  }),
);

beforeAll(async () => {
  admin = await openAdminHarness();
  key = (await admin.makeKey({ permissions: ["admin:usage"] })).text;
  await insertUsageEvents(admin.test.database.sql, "test", events);
});
afterAll(() => admin.close());

type Row = Record<string, unknown>;
async function ask(query: string): Promise<{ rows: Row[]; totals: Row }> {
  const answer = await admin.send("GET", `/admin/usage?${query}`, key);
  expect([query, answer.status]).toEqual([query, 200]);
  return answer.body as unknown as { rows: Row[]; totals: Row };
}

function sumCost(some: readonly UsageEvent[]): string {
  return formatUsd(some.reduce((sum, event) => sum + (event.costNanoUsd ?? 0n), 0n));
}

/** The value at a rank, and what a sketch may be from it. */
function expectPercentiles(values: readonly number[]): unknown {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (rank: number) => {
    const value = sorted[Math.floor(rank * (sorted.length - 1))] ?? 0;
    return expect.toSatisfy((told: number) => Math.abs(told - value) <= value * 0.01, `within 1 % of ${value}`);
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

describe("GET /admin/usage", () => {
  it("totals equal the events, to the nano-USD", async () => {
    const { rows, totals } = await ask(range);
    expect(totals).toEqual({
      requests: 500,
      errors: events.filter((event) => event.status >= 400).length,
      error_rate: events.filter((event) => event.status >= 400).length / 500,
      refusals: 0,
      input_tokens: 5_000,
      cached_input_tokens: (500 * 499) / 2,
      cache_write_tokens: 0,
      output_tokens: 10_000,
      reasoning_tokens: 0,
      input_audio_tokens: 0,
      output_audio_tokens: 0,
      cost_usd: sumCost(events),
      unpriced_requests: 100,
      bytes_in: 50_000,
      bytes_out: 100_000,
      latency_ms: expectPercentiles(events.map((event) => event.latencyMs)),
      first_token_ms: expectPercentiles(events.map((event) => event.firstTokenMs).filter((ms) => ms >= 0)),
      first_used_at: new Date(events[0]?.atMs ?? 0).toISOString(),
      last_used_at: new Date(events.at(-1)?.atMs ?? 0).toISOString(),
    });
    expect(rows).toEqual([totals]);
  });

  it.each([
    "key",
    "owner",
    "model",
    "provider",
    "endpoint",
    "status",
    "origin",
    "tag:customer",
    "key,model",
    "key,tag:customer,status",
  ])("group_by=%s: groups are disjoint and sum to the totals", async (groups) => {
    const { rows, totals } = await ask(`${range}&group_by=${groups}`);
    expect(rows.reduce((sum, row) => sum + Number(row.requests), 0)).toBe(500);
    expect(totals.requests).toBe(500);
    const fields = groups.split(",").map((group) => ({ key: "public_id", owner: "owner_id" })[group] ?? group);
    const seen = rows.map((row) => JSON.stringify(fields.map((field) => row[field])));
    expect(new Set(seen).size).toBe(rows.length);
    for (const row of rows) for (const field of fields) expect(row).toHaveProperty([field]);
  });

  it("values of the groups: key-bound tags only, null where there is none", async () => {
    const { rows } = await ask(`${range}&group_by=tag:customer`);
    expect(rows.map((row) => row["tag:customer"]).sort()).toEqual(["c0", "c1", "c2", null]);
    const c1 = events.filter((event) => event.keyTags.includes("c1"));
    expect(rows.find((row) => row["tag:customer"] === "c1")).toMatchObject({
      requests: c1.length,
      cost_usd: sumCost(c1),
    });
    const owners = (await ask(`${range}&group_by=owner`)).rows.map((row) => row.owner_id);
    expect(owners.sort()).toEqual(["bob", null]);
    const statuses = (await ask(`${range}&group_by=status`)).rows.map((row) => row.status);
    expect(statuses.sort()).toEqual([200, 500]);
  });

  it("buckets are days of the timezone, 25 hours where a clock goes back", async () => {
    const { rows } = await ask(`${range}&grain=day&timezone=Europe/Berlin`);
    expect(rows.map((row) => row.bucket)).toEqual([
      "2026-10-23T22:00:00.000Z",
      "2026-10-24T22:00:00.000Z",
      "2026-10-25T23:00:00.000Z",
    ]);
    const long = events.filter(
      (event) => event.atMs >= Date.UTC(2026, 9, 24, 22) && event.atMs < Date.UTC(2026, 9, 25, 23),
    );
    expect(rows[1]?.requests).toBe(long.length);
    const hours = await ask(`${range}&grain=hour&group_by=key&timezone=Asia/Kolkata`);
    expect(String(hours.rows[0]?.bucket)).toMatch(/:30:00\.000Z$/);
    expect(hours.rows.reduce((sum, row) => sum + Number(row.requests), 0)).toBe(500);
  });

  it("filters, and a range that ends before its end", async () => {
    const { totals } = await ask(`${range}&public_id=aaaaaaaaaaaa&model=m1&tag[customer]=c0`);
    const some = events.filter(
      (event) => event.publicId === "aaaaaaaaaaaa" && event.model === "m1" && event.keyTags.includes('"c0"'),
    );
    expect(totals).toMatchObject({ requests: some.length, cost_usd: sumCost(some) });
    const middle = events[250]?.atMs ?? 0;
    const before = await ask(`from=2026-10-24T00:00:00Z&to=${new Date(middle).toISOString()}`);
    expect(before.totals.requests).toBe(250);
  });

  it("reads the partitions of the range alone", async () => {
    const plan = await admin.test.database.sql`
      explain select count(*) from usage_event where at >= '2026-10-24T00:00:00Z' and at < '2026-10-25T00:00:00Z'`;
    const text = plan.map((row) => String(row["QUERY PLAN"])).join("\n");
    expect(text).toContain("usage_event_20261024");
    expect(text).not.toContain("usage_event_20261026");
  });

  it("is empty, not wrong, where there is nothing", async () => {
    const { rows, totals } = await ask("from=2020-01-01&to=2020-02-01&group_by=key");
    expect(rows).toEqual([]);
    expect(totals).toMatchObject({
      requests: 0,
      error_rate: 0,
      cost_usd: "0",
      latency_ms: { p50: null },
      last_used_at: null,
    });
  });

  it.each([
    [
      "group_by=key,colour",
      "group_by",
      "key, owner, model, provider, endpoint, status, origin, client_network, tag:NAME",
    ],
    ["group_by=tag:Not%20Good", "group_by", "tag:NAME"],
    ["group_by=key,owner,model,provider,status", "group_by", "at most 4"],
    ["grain=minute", "grain", "24 hours"],
    ["grain=second", "grain", "minute"],
    ["group_by=client_network", "group_by", "public_id"],
    ["status=9xx", "status", "4xx"],
    ["top=5", "top", "group_by"],
    ["top=0&group_by=key", "top", "1"],
    ["compare=next", "compare", "previous"],
    ["order_by=colour", "order_by", "requests"],
    ["cursor=abc", "cursor", "next_cursor"],
    ["grain=hour&from=2020-01-01", "grain", "10000"],
    ["timezone=Mars/Olympus", "timezone", "IANA"],
    ["timezone=%2B05:30", "timezone", "IANA"],
    ["from=yesterday", "from", "RFC 3339"],
    ["from=2026-02-30", "from", "RFC 3339"],
    ["from=2026-10-02&to=2026-10-01", "from", "before"],
    ["from=2999-01-01", "from", "before"],
    ["limit=0", "limit", "1"],
    ["offset=5", "offset", "no such field"],
  ])("422: %s", async (query, param, text) => {
    const answer = await admin.send("GET", `/admin/usage?${query}`, key);
    expect(answer.status).toBe(422);
    expect(answer.body.error).toMatchObject({ code: "validation_failed", param });
    expect(JSON.stringify(answer.body)).toContain(text);
  });

  it("a key that belongs to somebody sees that owner's usage only", async () => {
    const bobs = await admin.makeKey({ permissions: ["admin:usage"], owner_id: "bob" });
    const mine = await admin.send("GET", `/admin/usage?${range}&group_by=key`, bobs.text);
    expect((mine.body.rows as Row[]).map((row) => row.public_id)).toEqual(["bbbbbbbbbbbb"]);
    expect((mine.body.totals as Row).requests).toBe(250);
    expect((await admin.send("GET", `/admin/usage?${range}&owner_id=alice`, bobs.text)).status).toBe(404);
  });

  it("shows on the key what it used today", async () => {
    const { id } = await admin.makeKey();
    const now = Date.now();
    await insertUsageEvents(admin.test.database.sql, "test", [
      makeUsageEvent(now, { publicId: id as PublicId, costNanoUsd: 5n }),
      makeUsageEvent(now, { publicId: id as PublicId, costNanoUsd: null, status: 502 }),
    ]);
    const shown = await admin.system.keys.get({ public_id: id });
    expect(shown.usage.day).toMatchObject({ requests: 2, errors: 1, cost_usd: "0.000000005" });
    expect(shown.usage.month).toMatchObject({ requests: 2, errors: 1, cost_usd: "0.000000005" });
  });
});
