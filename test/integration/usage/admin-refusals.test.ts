import { afterAll, beforeAll, expect, test } from "vitest";
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";
import { waitUntil } from "../../support/wait-until.ts";

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await openGatewayProcess();
});
afterAll(() => gateway.close());

async function listRefusals(): Promise<Record<string, unknown>[]> {
  const rows = await gateway.database.database.sql<Record<string, unknown>[]>`
    select public_id, endpoint, status, code, sum(refusals)::int as refusals
    from usage_refusal group by 1, 2, 3, 4 order by code, public_id`;
  return rows.map((row) => ({ ...row }));
}

async function call(method: string, path: string, key: string | null, body?: unknown): Promise<number> {
  const response = await gateway.call(method, path, key, body);
  await response.text();
  return response.status;
}

test("calls of the admin API that are refused are counted with their key, over REST and tRPC, in either part of a call", async () => {
  const { text, publicId } = await gateway.makeKey({ permissions: ["ai:inference", "admin:usage"] });
  const placed = await gateway.makeKey({ permissions: ["*"], allowed_ips: ["192.0.2.1"] });
  const gone = await gateway.makeKey({});
  expect(await call("DELETE", `/admin/api-keys/${gone.publicId}`, gateway.adminKey)).toBe(204);

  // By the procedure, once the key is known.
  expect(await call("POST", "/admin/api-keys", text, {})).toBe(403);
  expect(await call("POST", "/trpc/keys.create", text, {})).toBe(403);
  // By where it comes from, and by the credential itself.
  expect(await call("GET", "/admin/api-keys", placed.text)).toBe(403);
  expect(await call("GET", "/admin/api-keys", gone.text)).toBe(401);
  expect(await call("GET", "/trpc/keys.list", "prod_nobody")).toBe(401);
  expect(await call("GET", "/admin/usage", null)).toBe(401);
  // No refusals of these kinds.
  expect(await call("GET", "/admin/usage", text)).toBe(200);
  expect(await call("GET", "/admin/api-keys/zzzzzzzzzzzz", gateway.adminKey)).toBe(404);
  expect(await call("POST", "/admin/api-keys", gateway.adminKey, { nope: 1 })).toBe(422);

  const expected = [
    { public_id: "", endpoint: "", status: 401, code: "invalid_api_key", refusals: 1 },
    { public_id: placed.publicId, endpoint: "", status: 403, code: "ip_not_allowed", refusals: 1 },
    { public_id: "", endpoint: "", status: 401, code: "missing_api_key", refusals: 1 },
    { public_id: publicId, endpoint: "", status: 403, code: "permission_denied", refusals: 2 },
    { public_id: gone.publicId, endpoint: "", status: 401, code: "revoked_api_key", refusals: 1 },
  ];
  await waitUntil(async () => (await listRefusals()).length >= expected.length, "they are stored");
  expect(await listRefusals()).toEqual(expected);
  const [unknown] = await gateway.database.database
    .sql`select sum(attempts)::int as attempts from usage_unknown_network`;
  expect({ ...unknown }).toEqual({ attempts: 1 });
});
