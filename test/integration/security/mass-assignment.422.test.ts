import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type AdminRequest,
  getRestRoute,
  makeRestRequest,
  makeTrpcRequest,
  procedures,
  restRoutes,
  sendAdminRequest,
} from "../../support/admin-operation.ts";
import { type MatrixObject, matrixInputs } from "../../support/authorization-matrix.ts";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { openUsersGateway, signUp } from "../../support/users-harness.ts";

/** BARS.md B3. Fields that some product once believed, and columns of ours. */
const privileged: readonly [name: string, value: unknown][] = [
  ["role", "admin"],
  ["is_admin", true],
  ["isAdmin", true],
  ["admin", true],
  ["user_id", "somebody"],
  ["userId", "somebody"],
  ["tenant_id", "b"],
  ["tenantId", "b"],
  ["org_id", "b"],
  ["ownerId", "b"],
  ["owner", "b"],
  ["spend", 0],
  ["used_usd", 0],
  ["budget_used", 0],
  ["allowed_routes", ["*"]],
  ["allowedRoutes", ["*"]],
  ["scopes", ["*"]],
  ["created_by", "system"],
  ["createdBy", "system"],
  ["created_at", "2020-01-01T00:00:00Z"],
  ["last_used_at", null],
  ["rotated_at", null],
  ["version", 99],
  ["digest", "00"],
  ["key", "prod_aaaaaaaaaaaa_a"],
  ["api_key", "prod_aaaaaaaaaaaa_a"],
  ["bootstrap", true],
  ["imported_from", "opaque"],
  ["operator_hold", false],
  ["pepper_version", 0],
  ["emailVerified", true],
  ["disabled_at", null],
  ["session", { user: { role: "admin" } }],
  ["caller", { kind: "system" }],
  ["ctx", { caller: { kind: "system" } }],
  ["__proto__", { role: "admin", is_admin: true }],
  ["constructor", { prototype: { role: "admin" } }],
  ["toString", "x"],
];

const mutations = procedures.filter(({ type }) => type === "mutation");
let gateway: GatewayProcess;
let callers: { title: string; headers: Record<string, string> }[];
let object: MatrixObject;

beforeAll(async () => {
  gateway = await openUsersGateway("[plans.free]\nkeys = 100\n");
  const member = await signUp(gateway.url);
  const key = await gateway.makeKey({ owner_id: member.id, permissions: ["ai:inference"] });
  const ids = {
    limitId: "rule_none",
    process: "none",
    webhookId: "hook_none",
    deliveryId: "msg_none",
    job: "none",
    alertId: "alert_none",
    incidentId: "inc_none",
  };
  object = { ...key, ...ids, credentialName: "none", ownerId: member.id, userId: member.id };
  callers = [
    { title: "nobody", headers: {} },
    { title: "a member", headers: { cookie: member.cookie, origin: gateway.url } },
    { title: "the operator", headers: { authorization: `Bearer ${gateway.adminKey}` } },
  ];
});
afterAll(() => gateway.close());

async function loadState(): Promise<string> {
  const { sql } = gateway.database.database;
  const keys =
    await sql`select to_jsonb(api_key) - 'last_used_at' - 'last_used_ip' as row from api_key order by public_id`;
  const users = await sql`select * from app_user order by id`;
  const secrets = await sql`select count(*) as n from api_key_secret`;
  const limits = await sql`select * from limit_rule order by id`;
  return JSON.stringify([keys, users, secrets, limits]);
}

/** The input with one field more, on both surfaces; also inside of each object of a list. */
function listRequests(name: string, field: string, value: unknown): AdminRequest[] {
  const input = matrixInputs[name]?.(object) ?? {};
  const inputs = [addField(input, field, value)];
  for (const [list, items] of Object.entries(input)) {
    if (!Array.isArray(items) || typeof items[0] !== "object") continue;
    inputs.push({ ...input, [list]: items.map((item) => addField({ ...(item as object) }, field, value)) });
  }
  return inputs.flatMap((each) => {
    const isRest = restRoutes.some((route) => route.name === name);
    return [...(isRest ? [makeRestRequest(getRestRoute(name), each)] : []), makeTrpcRequest(name, each)];
  });
}

function addField(input: Record<string, unknown>, field: string, value: unknown): Record<string, unknown> {
  const added = { ...input };
  Object.defineProperty(added, field, { value, enumerable: true });
  return added;
}

/** Fields that the procedure really has. */
function isOwnField(name: string, field: string): boolean {
  return restRoutes.some((route) => route.name === name && Object.hasOwn(route.fields, field));
}

describe("fields that nobody may set", () => {
  it("there are mutations", () => expect(mutations.length).toBeGreaterThan(10));

  it.each(mutations)("$name: 422 for each, and nothing changes", async ({ name }) => {
    const before = await loadState();
    let sent = 0;
    for (const [field, value] of privileged) {
      if (isOwnField(name, field)) continue;
      for (const request of listRequests(name, field, value)) {
        for (const { title, headers } of callers) {
          const answer = await sendAdminRequest(gateway.url, request, headers);
          const allowed = title === "nobody" ? [401] : title === "a member" ? [403, 422] : [422];
          const place = `${title} ${request.path} ${field}`;
          expect([place, allowed.includes(answer.status), answer.status]).toEqual([place, true, answer.status]);
          sent++;
        }
      }
    }
    expect(sent).toBeGreaterThan(100);
    expect(await loadState()).toBe(before);
  });

  it("the check sees a field that is taken", async () => {
    const before = await loadState();
    const input = addField({ public_id: object.publicId }, "name", "taken");
    const request = makeRestRequest(getRestRoute("keys.update"), input);
    const answer = await sendAdminRequest(gateway.url, request, callers[2]?.headers ?? {});
    expect(answer.status).toBe(200);
    expect(await loadState()).not.toBe(before);
  });
});
