import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { updateDueDeliveries } from "../../../db/queries/update-due-deliveries.ts";
import { Secret } from "../../../server/core/secret.ts";
import { openWebhookHarness, type WebhookHarness } from "../../support/webhook-harness.ts";
import { countGoodSignatures } from "../../support/webhook-receiver.ts";

let harness: WebhookHarness;
beforeAll(async () => {
  harness = await openWebhookHarness();
});
afterAll(() => harness.close());
beforeEach(async () => {
  await harness.admin.test.database.sql`delete from webhook`;
  harness.receiver.received.length = 0;
  harness.receiver.answer = (response) => void response.end("ok");
});

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

async function makeWebhook(more: Record<string, unknown> = {}) {
  const { system } = harness.admin;
  return await system.webhooks.create({ kind: "standard", name: "Hook", url: `${harness.receiver.url}/hook`, ...more });
}

async function findDelivery(webhookId: string) {
  const { deliveries } = await harness.admin.system.webhooks.listDeliveries({ webhook_id: webhookId });
  return deliveries[0];
}

/** Moves on from run to run as the schedule would, but from due time to due time. */
async function runUntil(endMs: number, webhookId: string): Promise<number[]> {
  const triedAfterMs: number[] = [];
  const startMs = harness.clock.nowMs();
  for (;;) {
    const delivery = await findDelivery(webhookId);
    const dueMs = Date.parse(delivery?.next_try_at ?? "");
    if (delivery?.state !== "pending" || dueMs > endMs) return triedAfterMs;
    harness.clock.setMs(Math.max(dueMs, harness.clock.nowMs()));
    triedAfterMs.push(harness.clock.nowMs() - startMs);
    await harness.deliver();
  }
}

describe("a message", () => {
  test("arrives once, signed as Standard Webhooks says", async () => {
    const { id, secret } = await makeWebhook();
    const queued = await harness.admin.system.webhooks.test({ webhook_id: id });
    expect(queued).toMatchObject({ state: "pending", attempts: 0, event: "webhook.test" });
    expect(await harness.deliver()).toMatchObject({ delivered: 1, failed: 0 });
    expect(await harness.deliver()).toMatchObject({ delivered: 0, failed: 0 });
    expect(harness.receiver.received).toHaveLength(1);
    const [message] = harness.receiver.received;
    if (message === undefined) throw new Error("nothing came");
    expect(message.path).toBe("/hook");
    expect(message.headers).toMatchObject({ "webhook-id": queued.id, "content-type": "application/json" });
    expect(Math.abs(Number(message.headers["webhook-timestamp"]) * 1_000 - harness.clock.nowMs())).toBeLessThan(60_000);
    expect(JSON.parse(message.body)).toMatchObject({
      type: "webhook.test",
      data: { title: "Test of the webhook Hook" },
    });
    expect(countGoodSignatures(message, secret ?? "")).toBe(1);
    expect(countGoodSignatures({ ...message, body: `${message.body} ` }, secret ?? "")).toBe(0);
    expect(await findDelivery(id)).toMatchObject({
      state: "delivered",
      attempts: 1,
      last_status: 200,
      last_error: null,
    });
  });

  test("that is not taken is tried ever more seldom for 24 hours, then parked, then replayed with the same id", async () => {
    const { id, secret } = await makeWebhook();
    harness.receiver.answer = (response) => void response.writeHead(503).end("later");
    const queued = await harness.admin.system.webhooks.test({ webhook_id: id });
    const triedAfterMs = await runUntil(Number.POSITIVE_INFINITY, id);
    const gaps = triedAfterMs.slice(1).map((ms, index) => ms - (triedAfterMs[index] ?? 0));
    expect(triedAfterMs.length).toBeGreaterThan(8);
    expect(gaps[0]).toBeLessThan(10_000);
    expect(gaps[2]).toBeGreaterThan(minuteMs);
    expect(Math.max(...gaps)).toBeGreaterThan(3 * hourMs);
    expect(triedAfterMs.at(-1)).toBeGreaterThanOrEqual(24 * hourMs - 1_000);
    expect(triedAfterMs.at(-1)).toBeLessThan(24 * hourMs + minuteMs);
    const parked = await findDelivery(id);
    expect(parked).toMatchObject({ state: "parked", last_status: 503, last_error: "answered 503", next_try_at: null });
    expect(new Set(harness.receiver.received.map(({ headers }) => headers["webhook-id"]))).toEqual(
      new Set([queued.id]),
    );
    expect(new Set(harness.receiver.received.map(({ body }) => body)).size).toBe(1);
    expect(harness.receiver.received.every((message) => countGoodSignatures(message, secret ?? "") === 1)).toBe(true);

    harness.receiver.answer = (response) => void response.writeHead(204).end();
    const replayed = await harness.admin.system.webhooks.replay({ webhook_id: id, delivery_id: queued.id });
    expect(replayed).toMatchObject({ id: queued.id, state: "pending" });
    expect(await harness.deliver()).toMatchObject({ delivered: 1 });
    expect(harness.receiver.received.at(-1)?.headers["webhook-id"]).toBe(queued.id);
    expect(await findDelivery(id)).toMatchObject({ state: "delivered", last_status: 204 });
  });

  test("all that was given up is sent again at once, and nothing of another webhook", async () => {
    const { id } = await makeWebhook();
    const other = await makeWebhook();
    harness.receiver.answer = (response) => void response.writeHead(410).end();
    for (const webhookId of [id, id, id, other.id]) await harness.admin.system.webhooks.test({ webhook_id: webhookId });
    await harness.deliver();
    harness.receiver.answer = (response) => void response.end("ok");
    const { replayParked } = harness.admin.system.webhooks;
    expect(await replayParked({ webhook_id: id })).toEqual({ replayed: 3 });
    expect(await replayParked({ webhook_id: id })).toEqual({ replayed: 0 });
    expect(await harness.deliver()).toMatchObject({ delivered: 3 });
    expect(await findDelivery(other.id)).toMatchObject({ state: "parked" });
  });

  test("waits as long as the receiver asks, within an hour", async () => {
    const { id } = await makeWebhook();
    harness.receiver.answer = (response) => void response.writeHead(429, { "retry-after": "1800" }).end();
    await harness.admin.system.webhooks.test({ webhook_id: id });
    await harness.deliver();
    const waits = Date.parse((await findDelivery(id))?.next_try_at ?? "") - harness.clock.nowMs();
    expect(waits).toBeGreaterThan(29 * minuteMs);
    expect(waits).toBeLessThanOrEqual(30 * minuteMs);
  });

  test("to somebody who is gone for good (410) is parked at once; a redirect is followed nowhere", async () => {
    const gone = await makeWebhook();
    harness.receiver.answer = (response) => void response.writeHead(410).end();
    await harness.admin.system.webhooks.test({ webhook_id: gone.id });
    expect(await harness.deliver()).toMatchObject({ parked: 1 });
    const moved = await makeWebhook();
    harness.receiver.answer = (response) =>
      void response.writeHead(307, { location: `${harness.receiver.url}/other` }).end();
    await harness.admin.system.webhooks.test({ webhook_id: moved.id });
    await harness.deliver();
    expect(harness.receiver.received.map(({ path }) => path)).toEqual(["/hook", "/hook"]);
    expect((await findDelivery(moved.id))?.last_error).toBe("answered 307; redirects are not followed");
  });

  test("goes out under both secrets while one replaces the other, and then under the new one alone", async () => {
    const made = await makeWebhook();
    const rotated = await harness.admin.system.webhooks.rotateSecret({ webhook_id: made.id });
    const count = async (): Promise<[number, number]> => {
      await harness.admin.system.webhooks.test({ webhook_id: made.id });
      await harness.deliver();
      const message = harness.receiver.received.at(-1);
      if (message === undefined) throw new Error("nothing came");
      return [countGoodSignatures(message, made.secret ?? ""), countGoodSignatures(message, rotated.secret ?? "")];
    };
    expect(await count()).toEqual([1, 1]);
    harness.clock.setMs(harness.clock.nowMs() + 24 * hourMs + 1_000);
    expect(await count()).toEqual([0, 1]);
  });

  test("to Slack has Slack's shape, and mentions nobody", async () => {
    const { id } = await makeWebhook({ kind: "slack", name: "<!channel> & co" });
    await harness.admin.system.webhooks.test({ webhook_id: id });
    await harness.deliver();
    const [message] = harness.receiver.received;
    expect(JSON.parse(message?.body ?? "")).toMatchObject({
      text: "Test of the webhook &lt;!channel&gt; &amp; co",
      blocks: [{ type: "section" }, { type: "section" }, { type: "context" }],
    });
    expect(message?.headers["webhook-signature"]).toBeUndefined();
  });
});

describe("the job", () => {
  test("run several times at once sends each message once", async () => {
    const { id } = await makeWebhook();
    for (let each = 0; each < 30; each += 1) await harness.admin.system.webhooks.test({ webhook_id: id });
    const done = await Promise.all(Array.from({ length: 4 }, () => harness.deliver()));
    expect(done.reduce((sum, { delivered }) => sum + delivered, 0)).toBe(30);
    expect(new Set(harness.receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(30);
    expect(harness.receiver.received).toHaveLength(30);
  });

  test("that died with messages in hand leaves them to the next, with their ids", async () => {
    const { id } = await makeWebhook();
    const queued = await harness.admin.system.webhooks.test({ webhook_id: id });
    const nowMs = harness.clock.nowMs();
    const question = { now: new Date(nowMs), heldUntil: new Date(nowMs + minuteMs), rowsMax: 10, perWebhookMax: 10 };
    expect(await updateDueDeliveries(harness.admin.test.database.sql, question)).toHaveLength(1);
    expect(await harness.deliver()).toMatchObject({ delivered: 0 });
    harness.clock.setMs(nowMs + minuteMs + 1);
    expect(await harness.deliver()).toMatchObject({ delivered: 1 });
    expect(harness.receiver.received[0]?.headers["webhook-id"]).toBe(queued.id);
  });

  test("sends nothing to a webhook that is switched off, and all that waits once it is on", async () => {
    const { id } = await makeWebhook();
    await harness.admin.system.webhooks.test({ webhook_id: id });
    await harness.admin.system.webhooks.update({ webhook_id: id, enabled: false });
    expect(await harness.deliver()).toMatchObject({ delivered: 0, failed: 0 });
    await harness.admin.system.webhooks.update({ webhook_id: id, enabled: true });
    expect(await harness.deliver()).toMatchObject({ delivered: 1 });
  });

  test("is kept from no receiver by one that is full of messages and answers none", async () => {
    const dead = await makeWebhook({ url: `${harness.receiver.url}/dead` });
    const live = await makeWebhook({ url: `${harness.receiver.url}/live` });
    harness.receiver.answer = (response, { path }) => {
      if (path === "/live") response.end();
      else response.destroy();
    };
    for (let each = 0; each < 40; each += 1) await harness.admin.system.webhooks.test({ webhook_id: dead.id });
    await harness.admin.system.webhooks.test({ webhook_id: live.id });
    expect(await harness.deliver()).toMatchObject({ delivered: 1, failed: 40 });
    expect(harness.receiver.received.findIndex(({ path }) => path === "/live")).toBeLessThan(5);
  });

  test("forgets after a month what is done with", async () => {
    const { id } = await makeWebhook();
    await harness.admin.system.webhooks.test({ webhook_id: id });
    await harness.deliver();
    harness.clock.setMs(harness.clock.nowMs() + 31 * 24 * hourMs);
    expect(await harness.deliver()).toMatchObject({ deleted: 1 });
    expect(await findDelivery(id)).toBeUndefined();
  });
});

test("a new seal key opens what the old one sealed, and takes it over", async () => {
  const { admin, worker } = harness;
  const { secret, id } = await makeWebhook();
  const [old] = admin.context.config.sealKeys;
  if (old === undefined) throw new Error("there is a seal key");
  const newest = { version: old.version + 1, value: new Secret("n".repeat(48)) };
  const saved = [admin.context.config.sealKey, admin.context.config.sealKeys, worker.context.config] as const;
  const use = (sealKeys: readonly (typeof newest)[]): void => {
    admin.context.config.sealKey = newest.value;
    admin.context.config.sealKeys = sealKeys;
    worker.context.config = { ...worker.context.config, sealKey: newest.value, sealKeys };
  };
  try {
    use([newest, old]);
    await admin.system.webhooks.test({ webhook_id: id });
    expect(await harness.deliver()).toMatchObject({ delivered: 1 });
    expect((await admin.system.credentials.rotateSealKey({})).reencrypted).toBe(1);
    expect((await admin.system.credentials.rotateSealKey({})).reencrypted).toBe(0);
    use([newest]);
    await admin.system.webhooks.test({ webhook_id: id });
    expect(await harness.deliver()).toMatchObject({ delivered: 1 });
    const message = harness.receiver.received.at(-1);
    expect(message === undefined ? 0 : countGoodSignatures(message, secret ?? "")).toBe(1);
  } finally {
    [admin.context.config.sealKey, admin.context.config.sealKeys, worker.context.config] = saved;
  }
});
