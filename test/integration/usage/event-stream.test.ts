import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import type { PublicId } from "../../../server/core/api-key.ts";
import type { EventView } from "../../../server/core/event-schema.ts";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { waitUntil } from "../../support/wait-until.ts";

let admin: AdminHarness;
beforeAll(async () => {
  admin = await openAdminHarness();
});
afterAll(() => admin.close());

interface Tail {
  text(): string;
  events(): EventView[];
  isOver(): boolean;
  close(): void;
}

async function openTail(key: string, query = ""): Promise<Tail> {
  const abort = new AbortController();
  const response = await fetch(`${admin.url}/admin/events/stream${query}`, {
    headers: { authorization: `Bearer ${key}` },
    signal: abort.signal,
  });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
  let text = "";
  let over = false;
  void (async () => {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) text += decoder.decode(chunk as Uint8Array, { stream: true });
    } catch {
      // Closed by us.
    }
    over = true;
  })();
  // The empty line ends a frame: without it the newest may have come in half.
  const events = () =>
    [...text.matchAll(/^event: event\ndata: (.*)\n\n/gm)].map((match) => JSON.parse(match[1] ?? "") as EventView);
  await waitUntil(() => text.includes(": watching"), "the first look", 30_000);
  return { text: () => text, events, isOver: () => over, close: () => abort.abort() };
}

async function insert(publicId: string, ownerId = "", atMs = Date.now()): Promise<string> {
  const event = makeUsageEvent(atMs, { publicId: publicId as PublicId, ownerId });
  await insertUsageEvents(admin.test.database.sql, "test", [event]);
  return event.id;
}

describe("GET /admin/events/stream", () => {
  it("tells each event that is committed after it was opened, once; an owner those of his keys alone", async () => {
    const operator = (await admin.makeKey({ permissions: ["admin:usage"] })).text;
    const bobs = (await admin.makeKey({ permissions: ["admin:usage"], owner_id: "bob" })).text;
    await insert("beforebefore");
    const [all, own, one] = await Promise.all([
      openTail(operator),
      openTail(bobs),
      openTail(operator, "?public_id=aaaaaaaaaaaa"),
    ]);
    const ids = [await insert("aaaaaaaaaaaa"), await insert("bbbbbbbbbbbb", "bob")];
    await waitUntil(
      () => all.events().length >= 2 && own.events().length >= 1 && one.events().length >= 1,
      "the first events",
      30_000,
    );
    ids.push(await insert("cccccccccccc", "eve"), await insert("aaaaaaaaaaaa", "bob"));
    await waitUntil(
      () => all.events().length >= 4 && own.events().length >= 2 && one.events().length >= 2,
      "all events",
      30_000,
    );
    expect(all.events().map(({ id }) => id)).toEqual(ids);
    expect(own.events().map(({ id }) => id)).toEqual([ids[1], ids[3]]);
    expect(one.events().map(({ id }) => id)).toEqual([ids[0], ids[3]]);
    expect(own.text()).not.toContain("skipped");
    for (const tail of [all, own, one]) tail.close();
  });

  it("tells nothing more to a key that was revoked", async () => {
    const { text, id } = await admin.makeKey({ permissions: ["admin:usage"] });
    const tail = await openTail(text);
    await admin.system.keys.revoke({ public_id: id });
    await insert("dddddddddddd");
    await waitUntil(() => tail.isOver(), "the end", 30_000);
    expect(tail.events()).toEqual([]);
  });

  it("says how many it left out where more come at once than it tells", async () => {
    const { text } = await admin.makeKey({ permissions: ["admin:usage"] });
    const tail = await openTail(text);
    const nowMs = Date.now();
    const many = Array.from({ length: 700 }, (_, index) => makeUsageEvent(nowMs - 700 + index));
    await insertUsageEvents(admin.test.database.sql, "test", many);
    await waitUntil(() => tail.events().length >= 500, "what fits", 30_000);
    expect(tail.text()).toContain('event: skipped\ndata: {"count":200}\n');
    expect(tail.events().map(({ id }) => id)).toEqual(many.slice(200).map(({ id }) => id));
    tail.close();
  });
});
