import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Authenticate, isRefusal } from "../../../server/keys/authenticate.ts";
import { makeRawRequest, type PipelinedRequest, sendPipelined } from "../../support/raw-http.ts";
import { ofItself, openStatementTap, type StatementTap } from "../../support/statement-tap.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

/** BARS.md A2: the edits of keys that exist, through HTTP and through the function behind it. */
const isFull = process.env.TEST_TIER === "full";
const keyCount = isFull ? 1_000 : 100;
const keyCountHttp = isFull ? 20 : 2;
const characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";

/** Every text that differs from the key in one character, or in the order of two neighbours. */
function* listEdits(key: string): Generator<string> {
  for (let at = 0; at < key.length; at++) {
    for (const character of characters) {
      if (character !== key[at]) yield key.slice(0, at) + character + key.slice(at + 1);
    }
    const [own, next] = [key[at], key[at + 1]];
    if (next !== undefined && next !== own) yield `${key.slice(0, at)}${next}${own}${key.slice(at + 2)}`;
  }
}

function makeBearerRequest(text: string): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.rawHeaders = ["Authorization", `Bearer ${text}`];
  return request;
}

/** Runs all edits; answers how many were judged, how many were let in, and how many had to wait for a store. */
function runEdits(
  authenticate: Authenticate,
  keys: readonly string[],
): { edits: number; taken: number; asked: number } {
  const found = { edits: 0, taken: 0, asked: 0 };
  const request = makeBearerRequest("");
  for (const key of keys) {
    for (const text of listEdits(key)) {
      request.rawHeaders[1] = `Bearer ${text}`;
      const answer = authenticate(request, "bearer");
      found.edits++;
      if (answer instanceof Promise) {
        found.asked++;
        answer.catch(() => undefined);
      } else if (!isRefusal(answer) || answer.code !== "invalid_api_key") found.taken++;
    }
  }
  return found;
}

let gateway: TestGateway;
let database: TestDatabase;
let tap: StatementTap;
const keys: string[] = [];
const listQueries = () => tap.statements.filter((text) => !ofItself.test(text));

beforeAll(async () => {
  database = await openTestDatabase();
  tap = await openStatementTap(database.url);
  gateway = await openTestGateway({ database, databaseUrl: tap.url });
  for (let index = 0; index < keyCount; index++) keys.push((await gateway.makeKey()).text);
  // Half are in the cache when they are asked for, half are not.
  for (const key of keys.slice(0, keyCount / 2)) {
    const known = await gateway.context.proxy.authenticate(makeBearerRequest(key), "bearer");
    if (isRefusal(known)) throw new Error("a new key was refused");
  }
  await waitUntil(() => listQueries().some((text) => text.includes("digest")), "the look-ups");
});
afterAll(async () => {
  await gateway.close();
  await tap.close();
  await database.close();
});

test(`every edit of ${keyCount} keys is refused at once, without a store`, () => {
  const before = listQueries().length;
  const found = runEdits(gateway.context.proxy.authenticate, keys);
  console.info(`A2: ${found.edits} edits judged`);
  expect(found.edits).toBeGreaterThan(keyCount * 65 * 60);
  expect(found).toMatchObject({ taken: 0, asked: 0 });
  expect(listQueries().slice(before)).toEqual([]);
}, 120_000);

test(`every edit of ${keyCountHttp} keys is refused over HTTP, without a query`, async () => {
  const before = listQueries().length;
  const requests = function* (): Generator<PipelinedRequest> {
    for (const key of [keys[0] as string, ...keys.slice(1 - keyCountHttp)]) {
      for (const text of listEdits(key)) {
        const bytes = makeRawRequest(["GET /v1/models HTTP/1.1", "Host: gateway", `Authorization: Bearer ${text}`]);
        yield { bytes, alone: false };
      }
    }
  };
  const statuses = new Map<number, number>();
  const told = await sendPipelined(Number(new URL(gateway.url).port), requests(), (_request, answer) => {
    const status = answer?.status ?? 0;
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  });
  expect(told).toBeGreaterThan(keyCountHttp * 65 * 60);
  expect([...statuses.keys()]).toEqual([401]);
  expect(listQueries().slice(before)).toEqual([]);
}, 120_000);

test("a key itself passes, and is asked for once", async () => {
  const key = keys.at(-1) as string;
  const before = listQueries().length;
  for (let index = 0; index < 5; index++) {
    const response = await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    expect(response.status).toBe(200);
  }
  expect(listQueries().slice(before)).toHaveLength(1);
});

test("the check sees a judge that forgives the last character, and one that asks before it thinks", () => {
  const { authenticate } = gateway.context.proxy;
  const forgiving: Authenticate = (request, surface) => {
    const text = request.rawHeaders[1] as string;
    const near = keys.find((key) => text.slice(7, -1) === key.slice(0, -1));
    return authenticate(near === undefined ? request : makeBearerRequest(near), surface);
  };
  expect(runEdits(forgiving, keys.slice(0, 2)).taken).toBeGreaterThanOrEqual(2 * 62);
  const asking: Authenticate = (request, surface) => Promise.resolve(authenticate(request, surface));
  expect(runEdits(asking, keys.slice(0, 1)).asked).toBeGreaterThan(65 * 60);
});
