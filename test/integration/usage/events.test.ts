import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import { mergeUsageParts } from "../../../db/queries/merge-usage-parts.ts";
import type { PublicId } from "../../../server/core/api-key.ts";
import type { EventView } from "../../../server/core/event-schema.ts";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";

const start = Date.UTC(2026, 9, 24, 12);
const minuteMs = 60_000;

let admin: AdminHarness;
let key: string;
const events = Array.from({ length: 450 }, (_, index) =>
  makeUsageEvent(start + index * 5 * minuteMs, {
    publicId: (index % 50 === 0 ? "rarerarerare" : index % 2 === 0 ? "aaaaaaaaaaaa" : "bbbbbbbbbbbb") as PublicId,
    ownerId: index % 2 === 0 ? "" : "bob",
    status: index % 9 === 0 ? 502 : 200,
    code: index % 9 === 0 ? "upstream_error" : "",
    keyTags: index % 4 === 0 ? '{"customer":"c1"}' : "",
    requestTags: '{"run":"=1+1"}',
    costNanoUsd: index % 5 === 0 ? null : BigInt(index),
    firstTokenMs: index % 3 === 0 ? -1 : 2.5,
  }),
);
const newestFirst = [...events].reverse();

beforeAll(async () => {
  admin = await openAdminHarness();
  key = (await admin.makeKey({ permissions: ["admin:usage"] })).text;
  // Half of it is merged, so that hours say where to look, and half is not.
  const { sql } = admin.test.database;
  await insertUsageEvents(sql, "test", events.slice(0, 200));
  await mergeUsageParts(sql, 1_000_000);
  await insertUsageEvents(sql, "test", events.slice(200));
});
afterAll(() => admin.close());

async function read(query: string, by = key): Promise<{ events: EventView[]; next_cursor: string | null }> {
  const answer = await admin.send("GET", `/admin/events?${query}`, by);
  expect([query, answer.status]).toEqual([query, 200]);
  return answer.body as unknown as { events: EventView[]; next_cursor: string | null };
}

async function readAll(query: string, by = key): Promise<EventView[]> {
  const all: EventView[] = [];
  for (let cursor = ""; ; ) {
    const page = await read(`${query}${cursor}`, by);
    all.push(...page.events);
    if (page.next_cursor === null) return all;
    cursor = `&cursor=${page.next_cursor}`;
  }
}

describe("GET /admin/events", () => {
  it("tells all of an event", async () => {
    const { events: page } = await read("limit=1");
    const event = newestFirst[0];
    expect(page).toEqual([
      {
        id: event?.id,
        at: new Date(event?.atMs ?? 0).toISOString(),
        public_id: "bbbbbbbbbbbb",
        owner_id: "bob",
        key_tags: {},
        request_tags: { run: "=1+1" },
        model: "gpt-test",
        provider: "up",
        endpoint: "chat_completions",
        status: 200,
        code: null,
        stream: false,
        attempts: 1,
        usage_source: "reported",
        input_tokens: 10,
        cached_input_tokens: 0,
        cache_write_tokens: 0,
        hour_cache_write_tokens: 0,
        output_tokens: 20,
        reasoning_tokens: 0,
        input_audio_tokens: 0,
        output_audio_tokens: 0,
        cost_usd: "0.000000449",
        reserved_usd: "0.000005",
        price_id: "config:gpt-test:1",
        latency_ms: 12.5,
        first_token_ms: 2.5,
        bytes_in: 100,
        bytes_out: 200,
        client_ip: "127.0.0.1",
        origin: null,
      },
    ]);
  });

  it.each<[string, (event: (typeof events)[number]) => boolean]>([
    ["", () => true],
    ["public_id=rarerarerare", (event) => event.publicId === "rarerarerare"],
    ["owner_id=bob", (event) => event.ownerId === "bob"],
    ["status=5xx", (event) => event.status === 502],
    ["status=200", (event) => event.status === 200],
    ["code=upstream_error", (event) => event.code !== ""],
    ["tag[customer]=c1", (event) => event.keyTags !== ""],
    ["model=none", () => false],
    [
      "from=2026-10-24T14:00:00Z&to=2026-10-24T15:01:00Z",
      (event) => event.atMs >= start + 120 * minuteMs && event.atMs < start + 181 * minuteMs,
    ],
    [
      "from=2026-10-24T14:00:00Z&to=2026-10-25&public_id=rarerarerare",
      (event) =>
        event.publicId === "rarerarerare" &&
        event.atMs >= start + 120 * minuteMs &&
        event.atMs < start + 720 * minuteMs,
    ],
  ])("%s: page by page, each once, newest first", async (query, isWanted) => {
    const wanted = newestFirst.filter(isWanted).map(({ id }) => id);
    for (const limit of [7, 200]) {
      expect((await readAll(`${query}&limit=${limit}`)).map(({ id }) => id)).toEqual(wanted);
    }
  });

  it("an owner's key sees that owner's events alone, whatever it asks for", async () => {
    const bobs = (await admin.makeKey({ permissions: ["admin:usage"], owner_id: "bob" })).text;
    const seen = await readAll("limit=200", bobs);
    expect(seen).toHaveLength(events.filter(({ ownerId }) => ownerId === "bob").length);
    expect((await read("public_id=aaaaaaaaaaaa", bobs)).events).toEqual([]);
    expect((await admin.send("GET", "/admin/events?owner_id=alice", bobs)).status).toBe(404);
    expect((await admin.send("GET", "/admin/events/export?owner_id=alice", bobs)).status).toBe(404);
    expect((await admin.send("GET", "/admin/events/stream?owner_id=alice", bobs)).status).toBe(404);
  });

  it.each([
    ["limit=201", "limit"],
    ["cursor=abc", "cursor"],
    ["status=20", "status"],
    ["from=2026-10-25&to=2026-10-24", "from"],
    ["colour=1", "colour"],
  ])("422: %s", async (query, param) => {
    const { status, body } = await admin.send("GET", `/admin/events?${query}`, key);
    expect([status, (body.error as { param: string }).param]).toEqual([422, param]);
  });
});

describe("GET /admin/events/export", () => {
  it("is a CSV of the same events, without formulas", async () => {
    const { status, text, headers } = await admin.send("GET", "/admin/events/export?status=5xx", key);
    expect([status, headers.get("content-disposition")]).toEqual([200, 'attachment; filename="events.csv"']);
    expect(headers.get("content-type")).toBe("text/csv; charset=utf-8; header=present");
    const [header = "", ...lines] = text.trimEnd().split("\r\n");
    const ids = newestFirst.filter((event) => event.status === 502).map(({ id }) => id);
    expect(lines.map((line) => line.split(",")[0])).toEqual(ids);
    expect(header.split(",").slice(0, 4)).toEqual(["id", "at", "public_id", "owner_id"]);
    expect(lines[0]).toContain('"{""run"":""=1+1""}"');
  });

  it("refuses before it begins", async () => {
    const { status, body } = await admin.send("GET", "/admin/events/export?from=x&limit=5", key);
    expect([status, (body.error as { code: string }).code]).toEqual([422, "validation_failed"]);
  });
});
