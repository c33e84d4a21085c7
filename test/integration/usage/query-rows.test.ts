import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import { listTouchedDays, mergeUsageDay } from "../../../db/queries/merge-usage-days.ts";
import { mergeUsageParts } from "../../../db/queries/merge-usage-parts.ts";
import type { PublicId } from "../../../server/core/api-key.ts";
import type { UsageAnswer, UsageRow } from "../../../server/core/usage-schema.ts";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const start = Date.UTC(2026, 9, 12);

let admin: AdminHarness;
let key: string;

/** Twelve keys: key n has n + 1 calls on each of 14 days, each a nano-USD more in the second week. */
const names = Array.from({ length: 12 }, (_, index) => `key${String(index).padStart(9, "0")}`);
const events = Array.from({ length: 14 }, (_, day) =>
  names.flatMap((name, index) =>
    Array.from({ length: index + 1 }, (__, call) =>
      makeUsageEvent(start + day * dayMs + (call + 1) * hourMs, {
        publicId: name as PublicId,
        model: call % 2 === 0 ? "m0" : "m1",
        clientIp: ["10.1.2.3", "10.1.2.99", "10.1.3.1", "2001:db8:1:2::1"][call % 4] ?? "",
        origin: call % 3 === 0 ? "https://a.example" : "",
        costNanoUsd: day < 7 ? 10n : 11n,
        status: call === 0 ? 500 : 200,
        latencyMs: 100 * (index + 1),
      }),
    ),
  ),
).flat();

beforeAll(async () => {
  admin = await openAdminHarness();
  key = (await admin.makeKey({ permissions: ["admin:usage"] })).text;
  const { sql } = admin.test.database;
  await insertUsageEvents(sql, "test", events.slice(0, -200));
  await mergeUsageParts(sql, 1_000_000);
  for (const day of (await listTouchedDays(sql)).slice(0, 10)) await mergeUsageDay(sql, day);
  await insertUsageEvents(sql, "test", events.slice(-200));
});
afterAll(() => admin.close());

async function ask(query: string): Promise<UsageAnswer> {
  const answer = await admin.send("GET", `/admin/usage?${query}`, key);
  expect([query, answer.status], answer.text).toEqual([query, 200]);
  return answer.body as unknown as UsageAnswer;
}

const sum = (rows: readonly UsageRow[], read: (row: UsageRow) => number) =>
  rows.reduce((total, row) => total + read(row), 0);
const secondWeek = "from=2026-10-19&to=2026-10-26";

describe("compare=previous", () => {
  it("tells with each row and with the totals what it was in the week before", async () => {
    const { rows, totals, range, previous_range } = await ask(`${secondWeek}&compare=previous&group_by=key`);
    expect([range, previous_range]).toEqual([
      { from: "2026-10-19T00:00:00.000Z", to: "2026-10-26T00:00:00.000Z" },
      { from: "2026-10-12T00:00:00.000Z", to: "2026-10-19T00:00:00.000Z" },
    ]);
    const plain = await ask(`${secondWeek}&group_by=key`);
    const before = await ask("from=2026-10-12&to=2026-10-19&group_by=key");
    expect(rows.map(({ previous: _previous, ...row }) => row)).toEqual(plain.rows);
    const find = (id: unknown) => before.rows.find((row) => row.public_id === id);
    expect(rows.map(({ previous, public_id }) => ({ ...previous, public_id }))).toEqual(
      rows.map(({ public_id }) => find(public_id)),
    );
    expect(totals).toEqual({ ...plain.totals, previous: before.totals });
    expect([totals.cost_usd, totals.previous?.cost_usd]).toEqual(["0.000006006", "0.00000546"]);
  });

  it("holds bucket against bucket, and shows what was there before and is no more", async () => {
    const { rows } = await ask("from=2026-10-24&to=2026-10-28&grain=day&compare=previous");
    expect(rows.map((row) => [row.bucket?.slice(0, 10), row.requests, row.previous?.requests])).toEqual([
      ["2026-10-24", 78, 78],
      ["2026-10-25", 78, 78],
      ["2026-10-26", 0, 78],
      ["2026-10-27", 0, 78],
    ]);
    expect(rows[2]).toMatchObject({ error_rate: 0, latency_ms: { p50: null }, previous: { errors: 12 } });
    const gone = await ask("from=2026-10-26&to=2026-11-01&group_by=key&compare=previous");
    expect([gone.rows.length, gone.totals.requests, sum(gone.rows, (row) => row.previous?.requests ?? 0)]).toEqual([
      12,
      0,
      gone.totals.previous?.requests,
    ]);
  });
});

describe("top=N", () => {
  it("leaves the others as one row, which holds all that is not told", async () => {
    const all = await ask(`${secondWeek}&group_by=key`);
    const { rows, totals } = await ask(`${secondWeek}&group_by=key&top=3`);
    expect(rows.map((row) => [row.public_id, row.other ?? false, row.requests])).toEqual([
      [names[11], false, 84],
      [names[10], false, 77],
      [names[9], false, 70],
      [null, true, 315],
    ]);
    expect(totals).toEqual(all.totals);
    expect(rows.slice(0, 3)).toEqual(all.rows.slice(0, 3));
    // Percentiles of the others are those of their calls together: the median call is of key 6.
    expect(rows[3]?.latency_ms.p50).toBeCloseTo(700, -1);
  });

  it("of each bucket, by what the range as a whole says; compared, too", async () => {
    const { rows } = await ask(
      `${secondWeek}&group_by=key&top=2&grain=day&compare=previous&order=asc&order_by=cost_usd`,
    );
    expect(rows).toHaveLength(21);
    expect(new Set(rows.map((row) => row.public_id))).toEqual(new Set([names[0], names[1], null]));
    expect(rows.slice(-7).every((row) => row.other === true && row.previous?.requests === 75)).toBe(true);
    const few = await ask(`${secondWeek}&group_by=model&top=5`);
    expect(few.rows.map((row) => row.other)).toEqual([undefined, undefined]);
  });
});

describe("order and pages", () => {
  it.each([
    "group_by=key",
    "group_by=key,model&grain=day",
    "group_by=key,origin&order_by=error_rate",
    "group_by=key,model&order_by=cost_usd&order=asc",
    "group_by=key&order_by=last_used_at&compare=previous",
    "group_by=key,model&grain=day&top=4",
    "group_by=origin,model,key&order_by=input_tokens&grain=hour",
  ])("%s: pages hold the rows of the whole, in its order", async (query) => {
    const whole = await ask(`from=2026-10-20&to=2026-10-24&${query}`);
    const paged: UsageRow[] = [];
    for (let cursor = ""; ; ) {
      const page = await ask(`from=2026-10-20&to=2026-10-24&${query}&limit=7${cursor}`);
      expect(page.rows.length).toBeLessThanOrEqual(7);
      expect(page.totals).toEqual(whole.totals);
      paged.push(...page.rows);
      if (page.next_cursor === null) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(paged).toEqual(whole.rows);
    expect(whole.next_cursor).toBeNull();
  });

  it("puts rows in the order asked for", async () => {
    const read = async (query: string) => (await ask(`${secondWeek}&group_by=key&${query}`)).rows;
    const rates = (await read("order_by=error_rate")).map((row) => row.error_rate);
    expect(rates).toEqual([...rates].sort((a, b) => b - a));
    expect((await read("order_by=cost_usd&order=asc")).map((row) => row.public_id)).toEqual(names);
    expect((await read("order_by=requests")).map((row) => row.public_id)).toEqual([...names].reverse());
  });
});

describe("what only raw events tell", () => {
  it("networks of one key's clients, with origins", async () => {
    const { rows } = await ask(`${secondWeek}&group_by=client_network,origin&public_id=${names[11]}`);
    const networks = new Map<string, number>();
    for (const row of rows) {
      const name = String(row.client_network);
      networks.set(name, (networks.get(name) ?? 0) + row.requests);
    }
    expect([...networks].sort()).toEqual([
      ["10.1.2.0/24", 42],
      ["10.1.3.0/24", 21],
      ["2001:db8:1::/48", 21],
    ]);
    expect(new Set(rows.map((row) => row.origin))).toEqual(new Set([null, "https://a.example"]));
  });

  it("minutes", async () => {
    const { rows } = await ask("from=2026-10-20T00:30:00Z&to=2026-10-20T02:30:00Z&grain=minute");
    expect(rows.map((row) => [row.bucket, row.requests])).toEqual([
      ["2026-10-20T01:00:00.000Z", 12],
      ["2026-10-20T02:00:00.000Z", 11],
    ]);
  });
});

describe("percentiles=false", () => {
  it("leaves them out and nothing else", async () => {
    const [all, without] = [
      await ask(`${secondWeek}&group_by=key`),
      await ask(`${secondWeek}&group_by=key&percentiles=false`),
    ];
    const none = { p50: null, p95: null, p99: null };
    expect(without.rows).toEqual(all.rows.map((row) => ({ ...row, latency_ms: none, first_token_ms: none })));
  });
});
