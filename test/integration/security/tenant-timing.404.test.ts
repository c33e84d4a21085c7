import { afterAll, beforeAll, expect, test } from "vitest";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { findTimingSplit, measurePairs } from "../../support/timing-split.ts";
import { type Browser, openUsersGateway, signUp } from "../../support/users-harness.ts";

/** BARS.md B4: how long an answer takes does not tell another tenant's id from one that nobody has. */

/** By chance alone the split of so many pairs strays from a half by 0.013 (one standard deviation). */
const pairs = 1_000;
const strayMax = 0.05;
const unknownId = "zzzzzzzzzzzz";

let gateway: GatewayProcess;
let member: Browser;
let theirs: { publicId: string; ownerId: string };
let own: string;

beforeAll(async () => {
  gateway = await openUsersGateway();
  member = await signUp(gateway.url);
  const other = await signUp(gateway.url);
  theirs = { publicId: (await gateway.makeKey({ owner_id: other.id })).publicId, ownerId: other.id };
  const made = await member.send("POST", "/admin/api-keys", { alias: "own" });
  own = String(made.body.public_id);
});
afterAll(() => gateway.close());

async function findSplit(
  method: string,
  makePath: (id: string) => string,
  ids: [string, string],
  body?: object,
): Promise<number> {
  const makeCall = (id: string) => async () => {
    await member.send(method, makePath(id), body);
  };
  const calls: [() => Promise<void>, () => Promise<void>] = [makeCall(ids[0]), makeCall(ids[1])];
  await measurePairs(calls, 50, makeSeededRandom(1));
  return findTimingSplit(...(await measurePairs(calls, pairs, makeSeededRandom(2))));
}

const key = (id: string): string => `/admin/api-keys/${id}`;

test.each<[string, string, (id: string) => string, (object | undefined)?]>([
  ["a look", "GET", key],
  ["a change", "PATCH", key, { name: "mine now" }],
  ["a rotation", "POST", (id) => `${key(id)}/rotate`, { overlap: "0" }],
  ["usage of a key", "GET", (id) => `/admin/usage?public_id=${id}`],
])(
  "%s takes as long for another's key as for none",
  async (name, method, makePath, body) => {
    const split = await findSplit(method, makePath, [unknownId, theirs.publicId], body);
    console.info(`B4: ${name}: AUC ${split.toFixed(3)}`);
    expect(Math.abs(split - 0.5)).toBeLessThanOrEqual(strayMax);
  },
  120_000,
);

test("the measure tells a key of one's own from none", async () => {
  expect(await findSplit("GET", key, [unknownId, own])).toBeGreaterThan(0.5 + 2 * strayMax);
}, 120_000);
