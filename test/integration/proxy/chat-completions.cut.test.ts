import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sendKeyCut } from "../../../db/queries/key-notifications.ts";
import { updateApiKey } from "../../../db/queries/update-api-key.ts";
import { openFaultProxy } from "../../support/fault-proxy.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

/** BARS.md D4: running streams are ended within five seconds. */
const cutWithinMs = 5_000;
const config = `
[models.slow]
routing = ["echo"]
[models.slow.providers.echo]
type = "echo"
tokens_per_second = 10
[models.late]
routing = ["echo"]
[models.late.providers.echo]
type = "echo"
delay_ms = 50000
[models.busy]
routing = ["echo"]
[models.busy.providers.echo]
type = "openai_compatible"
api_base = "http://127.0.0.1:1/v1"
api_key_location = "none"
retries = 10
`;
const dataDir = mkdtempSync(join(tmpdir(), "tollgate-test-"));
let database: TestDatabase;
const gateways: TestGateway[] = [];

beforeAll(async () => {
  database = await openTestDatabase();
  for (let index = 0; index < 2; index++) gateways.push(await openTestGateway({ database, dataDir, config }));
});
afterAll(async () => {
  for (const gateway of gateways) await gateway.close();
  await database.close();
  rmSync(dataDir, { recursive: true, force: true });
});

function revoke(publicId: string, isCut: boolean): ReturnType<typeof updateApiKey> {
  return updateApiKey(
    database.database.sql,
    publicId,
    { ownerId: null },
    () => ({ state: "revoked" }),
    isCut ? { complete: (transaction) => sendKeyCut(transaction, publicId) } : {},
  );
}

interface Outcome {
  status: number;
  text: string;
  endedMs: number;
}

interface Started {
  /** The head of the answer is there: of a stream, the key was let in. */
  begun: Promise<Response>;
  ended: Promise<Outcome>;
}

/** Starts a call and reads it to its end. */
function start(gateway: TestGateway, key: string, model: string, stream: boolean, words: number): Started {
  const content = Array.from({ length: words }, (_, index) => `word${index}`).join(" ");
  const begun = gateway.call("/v1/chat/completions", { model, stream, messages: [{ role: "user", content }] }, key);
  const ended = begun.then(async (response) => {
    const text = await response.text();
    return { status: response.status, text, endedMs: performance.now() };
  });
  // A test that fails leaves it unread, and its gateway ends it.
  ended.catch(() => {});
  return { begun, ended };
}

const kinds = [
  ["slow", true],
  ["late", true],
  ["late", false],
  ["busy", false],
] as const;

test("a cut ends streams, whole answers and pauses between attempts on both gateways, with an error, settled once", async () => {
  const [near, far] = gateways as [TestGateway, TestGateway];
  const { text: key, publicId } = await near.makeKey();
  const { text: other, publicId: otherId } = await near.makeKey();
  const running = gateways.flatMap((gateway) =>
    kinds.map(([model, stream]) => start(gateway, key, model, stream, 600)),
  );
  const unconcerned = start(near, other, "slow", true, 30);
  const openOn = (gateway: TestGateway) => gateway.context.proxy.openRequests.count;
  await waitUntil(() => openOn(near) === kinds.length + 1 && openOn(far) === kinds.length, "all calls run");
  await Promise.all(
    running.filter((_, index) => kinds[index % kinds.length]?.[0] === "slow").map(({ begun }) => begun),
  );
  // For the other calls to be let in too, and the first attempts to have failed: nothing outside tells of either.
  await new Promise((resolve) => setTimeout(resolve, 700));

  await revoke(publicId, true);
  const acknowledgedMs = performance.now();
  const outcomes = await Promise.all(running.map(({ ended }) => ended));
  const lastMs = Math.max(...outcomes.map((outcome) => outcome.endedMs)) - acknowledgedMs;
  console.info(`${outcomes.length} running calls ended within ${Math.round(lastMs)} ms of the acknowledgement`);
  expect(outcomes).toHaveLength(2 * kinds.length);
  expect(lastMs).toBeLessThanOrEqual(cutWithinMs);
  for (const [index, outcome] of outcomes.entries()) {
    const [model, stream] = kinds[index % kinds.length] as (typeof kinds)[number];
    expect([model, stream, outcome.status]).toEqual([model, stream, model === "slow" ? 200 : 401]);
    expect(outcome.text).toContain('"code":"revoked_api_key"');
    expect(outcome.text).not.toContain("[DONE]");
  }
  const whole = await unconcerned.ended;
  expect([whole.status, whole.text.includes("[DONE]")]).toEqual([200, true]);

  const events = await near.listEvents(2 * kinds.length + 1);
  const ofKey = events.filter((event) => event.public_id === publicId);
  expect(ofKey).toHaveLength(2 * kinds.length);
  expect(new Set(ofKey.map((event) => event.id)).size).toBe(2 * kinds.length);
  for (const event of ofKey) expect([event.status, event.code]).toEqual([401, "revoked_api_key"]);
  // What had been produced is charged, and no more.
  const streamed = ofKey.filter((event) => event.model === "slow");
  for (const event of streamed) {
    expect(Number(event.output_tokens)).toBeGreaterThan(0);
    expect(Number(event.output_tokens)).toBeLessThan(600);
  }
  expect(events.filter((event) => event.public_id === otherId)).toMatchObject([{ status: 200 }]);
  expect([openOn(near), openOn(far)]).toEqual([0, 0]);
});

test("without a cut, the stream of a revoked key goes on to its end; a cut afterwards finds the key too", async () => {
  const [near, far] = gateways as [TestGateway, TestGateway];
  const { text: key, publicId } = await near.makeKey();
  const short = start(near, key, "slow", true, 12);
  const long = start(far, key, "slow", true, 3_000);
  await Promise.all([short.begun, long.begun]);
  await revoke(publicId, false);
  expect(await short.ended).toMatchObject({ status: 200, text: expect.stringContaining("[DONE]") });
  expect(far.context.proxy.openRequests.count).toBe(1);
  await revoke(publicId, true);
  expect((await long.ended).text).toContain('"code":"revoked_api_key"');
});

test("a gateway that could not hear of a cut makes it when it listens again, and cuts nothing else", async () => {
  const [near] = gateways as [TestGateway];
  const { hostname, port } = new URL(database.url);
  const faults = await openFaultProxy({ host: hostname, port: Number(port) });
  const listenUrl = new URL(database.url);
  listenUrl.host = `127.0.0.1:${faults.port}`;
  const deaf = await openTestGateway({ database, dataDir, config, listenUrl: listenUrl.href });
  try {
    const [cut, revoked, live] = [await near.makeKey(), await near.makeKey(), await near.makeKey()];
    const calls = [cut, revoked, live].map(({ text }) => start(deaf, text, "slow", true, 60));
    await Promise.all(calls.map(({ begun }) => begun));
    faults.refuse();
    faults.cut();
    await revoke(cut.publicId, true);
    await revoke(revoked.publicId, false);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(deaf.context.proxy.openRequests.count).toBe(calls.length);
    faults.resume();
    const resumedMs = performance.now();
    const [ofCut, ofRevoked, ofLive] = calls.map(({ ended }) => ended);
    const outcome = await ofCut;
    expect(outcome?.text).toContain('"code":"revoked_api_key"');
    expect((outcome?.endedMs ?? Number.NaN) - resumedMs).toBeLessThanOrEqual(cutWithinMs);
    for (const other of [await ofRevoked, await ofLive]) expect(other?.text).toContain("[DONE]");
  } finally {
    await deaf.close();
    await faults.close();
  }
});
