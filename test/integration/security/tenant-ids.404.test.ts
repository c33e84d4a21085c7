import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type AdminAnswer,
  type AdminRequest,
  getRestRoute,
  makeRestRequest,
  makeTrpcRequest,
  procedures,
  restRoutes,
  sendAdminRequest,
} from "../../support/admin-operation.ts";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { openUsersGateway, signUp } from "../../support/users-harness.ts";

/** BARS.md B4: what belongs to B, in every place of an input that A may send. */
let gateway: GatewayProcess;
let callers: { title: string; headers: Record<string, string> }[];
/** A key of B's with everything that could show: a name, tags, use. */
let theirs: { publicId: string; text: string; ownerId: string };
let theirCursor: string;

/** Words that stand in nothing but what is B's. */
const canary = "canary-of-b";

beforeAll(async () => {
  gateway = await openUsersGateway("[plans.free]\nkeys = 100\n");
  const member = await signUp(gateway.url);
  const other = await signUp(gateway.url);
  const permissions = ["admin:keys", "admin:usage", "ai:inference"];
  const own = await gateway.makeKey({ owner_id: "owner-a", permissions });
  const key = await gateway.makeKey({ owner_id: other.id, name: canary, alias: canary, tags: { canary } });
  for (const name of ["one", "two"]) await gateway.makeKey({ owner_id: other.id, name });
  theirs = { ...key, ownerId: other.id };
  const page = await other.send("GET", "/admin/api-keys?limit=1");
  const listed = page.body as { next_cursor: string };
  theirCursor = listed.next_cursor;
  if (typeof theirCursor !== "string") throw new Error("B has no second page");
  callers = [
    { title: "a key", headers: { authorization: `Bearer ${own.text}` } },
    { title: "a member", headers: { cookie: member.cookie, origin: gateway.url } },
  ];
});
afterAll(() => gateway.close());

/** Both surfaces, where the procedure has both. */
function listRequests(name: string, input: Record<string, unknown>): AdminRequest[] {
  const rest = restRoutes.some((route) => route.name === name) ? [makeRestRequest(getRestRoute(name), input)] : [];
  return [...rest, makeTrpcRequest(name, input)];
}

async function loadState(): Promise<string> {
  const { sql } = gateway.database.database;
  return JSON.stringify(await sql`select * from api_key where owner_id = ${theirs.ownerId} order by public_id`);
}

/** An answer without what differs between any two. */
function makeComparable({ status, headers, text }: AdminAnswer, id: string): unknown {
  const names = [...headers.keys()].filter((name) => name !== "date").sort();
  return [status, names, text.replaceAll(id, "ID")];
}

const unknownId = "zzzzzzzzzzzz";
const more: Readonly<Record<string, Record<string, unknown>>> = {
  "keys.update": { name: "mine now" },
  "users.update": { name: "mine now" },
};

describe("ids of another tenant", () => {
  const byId = procedures.filter(({ name }) => {
    const route = restRoutes.find((each) => each.name === name);
    return route?.pathFields.includes("public_id") === true;
  });

  it.each(byId)("$name answers the same bytes for B's key and for one that does not exist", async ({ name }) => {
    const before = await loadState();
    for (const { title, headers } of callers) {
      const inputs = (id: string) => listRequests(name, { public_id: id, ...more[name] });
      const unknown = inputs(unknownId);
      for (const [index, request] of inputs(theirs.publicId).entries()) {
        const answer = await sendAdminRequest(gateway.url, request, headers);
        const absent = await sendAdminRequest(gateway.url, unknown[index] as AdminRequest, headers);
        expect([title, answer.status]).toEqual([title, 404]);
        expect(makeComparable(answer, theirs.publicId)).toEqual(makeComparable(absent, unknownId));
      }
    }
    expect(await loadState()).toBe(before);
  });

  it("there are such calls", () => expect(byId.length).toBeGreaterThan(6));

  it.each(["disable", "enable", "revoke"])("bulk %s: B's key as one that does not exist", async (action) => {
    const before = await loadState();
    for (const { headers } of callers) {
      const inputs = (id: string) => listRequests("keys.bulk", { action, public_ids: [id] });
      for (const [index, request] of inputs(theirs.publicId).entries()) {
        const answer = await sendAdminRequest(gateway.url, request, headers);
        const absent = await sendAdminRequest(gateway.url, inputs(unknownId)[index] as AdminRequest, headers);
        expect(makeComparable(answer, theirs.publicId)).toEqual(makeComparable(absent, unknownId));
        expect(answer.text).toContain("not_found");
      }
    }
    expect(await loadState()).toBe(before);
  });

  it.each<[string, string, (id: typeof theirs) => Record<string, unknown>]>([
    ["keys.list", "a text", ({ publicId }) => ({ q: publicId })],
    ["keys.list", "a name", () => ({ q: canary })],
    ["keys.list", "an alias", () => ({ alias: canary })],
    ["keys.list", "a tag", () => ({ tag: { canary } })],
    ["keys.list", "an owner", ({ ownerId }) => ({ owner_id: ownerId })],
    ["keys.list", "a cursor", () => ({ cursor: theirCursor })],
    ["usage.query", "a key", ({ publicId }) => ({ public_id: publicId, group_by: ["key", "owner"] })],
    ["usage.query", "a tag", () => ({ tag: { canary }, group_by: ["key", "tag:canary"] })],
    ["audit.list", "an object", ({ publicId }) => ({ object: publicId })],
    ["audit.list", "an actor", ({ publicId }) => ({ actor: `key:${publicId}` })],
    ["audit.list", "no filter", () => ({ limit: 200 })],
  ])("%s by %s: nothing of B's, and no count", async (name, _title, makeInput) => {
    for (const { headers } of callers) {
      for (const request of listRequests(name, makeInput(theirs))) {
        const answer = await sendAdminRequest(gateway.url, request, headers);
        // Members have no audit log.
        expect([200, ...(name === "audit.list" ? [403] : [])]).toContain(answer.status);
        for (const word of [theirs.publicId, canary, theirs.ownerId]) expect(answer.text).not.toContain(word);
        expect(answer.text.match(/"requests":\d+/g) ?? []).toEqual(name === "usage.query" ? ['"requests":0'] : []);
      }
    }
  });

  it("usage of another owner is not there, like that of an owner who does not exist", async () => {
    for (const { headers } of callers) {
      for (const [index, request] of listRequests("usage.query", { owner_id: theirs.ownerId }).entries()) {
        const answer = await sendAdminRequest(gateway.url, request, headers);
        const unknown = listRequests("usage.query", { owner_id: "owner-none" })[index] as AdminRequest;
        const absent = await sendAdminRequest(gateway.url, unknown, headers);
        expect(answer.status).toBe(404);
        expect(makeComparable(answer, theirs.ownerId)).toEqual(makeComparable(absent, "owner-none"));
      }
    }
  });

  it("the check sees B's own answers", async () => {
    const operator = { authorization: `Bearer ${gateway.adminKey}` };
    const request = makeRestRequest(getRestRoute("keys.list"), { q: theirs.publicId });
    const answer = await sendAdminRequest(gateway.url, request, operator);
    for (const word of [theirs.publicId, canary, theirs.ownerId]) expect(answer.text).toContain(word);
  });
});
