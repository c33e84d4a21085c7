import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAdminClient } from "../../client/client.ts";
import { makeOpenApiDocument } from "../../server/admin/openapi-document.ts";
import { type AdminHarness, openAdminHarness } from "../support/admin-harness.ts";

let admin: AdminHarness;
let root: string;
let inference: { text: string; id: string };

beforeAll(async () => {
  admin = await openAdminHarness();
  root = (await admin.makeKey({ permissions: ["*"] })).text;
  inference = await admin.makeKey({ permissions: ["ai:inference"] });
});
afterAll(() => admin.close());

/** Every operation of the document, on a key that does not exist. */
const calls = Object.entries(makeOpenApiDocument("0", "").paths).flatMap(([path, item]) =>
  Object.keys(item).map((method): [string, string] => [
    method.toUpperCase(),
    `/admin${path.replace(/\{[a-z_]+\}/g, "zzzzzzzzzzzz")}`,
  ]),
);

describe("who may call", () => {
  it.each(calls)("%s %s: 401 without a key, 403 with an inference key, whatever the body", async (method, path) => {
    const body = method === "POST" || method === "PATCH" ? { nonsense: true } : undefined;
    const nobody = await admin.send(method, path, null, body);
    expect(nobody.status).toBe(401);
    expect(nobody.headers.get("www-authenticate")).toBe("Bearer");
    expect(nobody.headers.get("cache-control")).toBe("no-store");
    expect(nobody.body.error).toMatchObject({ code: "missing_api_key", type: "authentication_error" });
    const weak = await admin.send(method, path, inference.text, body);
    expect(weak.status).toBe(403);
    expect(weak.body.error).toMatchObject({ code: "permission_denied", type: "permission_error" });
    expect(weak.headers.get("cache-control")).toBe("no-store");
  });

  it("admin:usage does not open keys, admin:keys does not open usage", async () => {
    const usage = await admin.makeKey({ permissions: ["admin:usage"] });
    const keys = await admin.makeKey({ permissions: ["admin:keys"] });
    expect((await admin.send("GET", "/admin/usage", usage.text)).status).toBe(200);
    expect((await admin.send("GET", "/admin/api-keys", usage.text)).status).toBe(403);
    expect((await admin.send("GET", "/admin/api-keys", keys.text)).status).toBe(200);
    expect((await admin.send("GET", "/admin/usage", keys.text)).status).toBe(403);
  });

  it.each([
    "/admin//api-keys",
    "/admin/api-keys/",
    "/ADMIN/api-keys",
    "/admin/API-KEYS",
    "/admin/%61pi-keys",
    "/admin/./../admin//api-keys",
    "/admin/api-keys;x",
  ])("404: another spelling of a route: %s", async (path) => {
    expect((await admin.send("GET", path, root)).status).toBe(404);
  });
});

describe("delegation", () => {
  it("403 for more than the caller has, naming the fields; its limits are the defaults", async () => {
    const parent = await admin.makeKey({
      permissions: ["admin:keys", "ai:inference"],
      models: ["openai::*", "!openai::o1"],
      rate_limits: { requests_per_minute: 10 },
      budgets: [{ limit_usd: 5, period: "month" }],
      max_output_tokens: 100,
      tags: { customer: "acme" },
      owner_id: "acme",
    });
    const plain = await admin.send("POST", "/admin/api-keys", parent.text, { name: "child" });
    expect(plain.status).toBe(201);
    expect(plain.body).toMatchObject({
      models: ["openai::*", "!openai::o1"],
      rate_limits: { requests_per_minute: 10 },
      budgets: [{ limit_usd: "5", period: "month" }],
      max_output_tokens: 100,
      tags: { customer: "acme" },
      owner_id: "acme",
      created_by: parent.id,
    });
    const more: [string, Record<string, unknown>][] = [
      ["permissions", { permissions: ["*"] }],
      ["models", { models: ["*"] }],
      ["rate_limits", { rate_limits: {} }],
      ["budgets", { budgets: [{ limit_usd: "5.000000001", period: "month" }] }],
      ["max_output_tokens", { max_output_tokens: null }],
      ["owner_id", { owner_id: null }],
      ["tags", { tags: { customer: "other" } }],
      ["expires_at", { expires_at: new Date(Date.now() + 300 * 86_400_000).toISOString() }],
      ["provider_credentials", { provider_credentials: { openai: "theirs" } }],
    ];
    for (const [field, body] of more) {
      const made = await admin.send("POST", "/admin/api-keys", parent.text, body);
      expect([field, made.status, (made.body.error as { param: string }).param]).toEqual([field, 403, field]);
      const changed = await admin.send("PATCH", `/admin/api-keys/${plain.body.public_id}`, parent.text, body);
      expect([field, changed.status, (changed.body.error as { param: string }).param]).toEqual([field, 403, field]);
    }
    expect((await admin.send("GET", "/admin/api-keys", parent.text)).body.api_keys).toHaveLength(2);
  });

  it("somebody else's key answers the same bytes as one that does not exist", async () => {
    const mine = await admin.makeKey({ permissions: ["admin:keys"], owner_id: "one" });
    const theirs = await admin.makeKey({ owner_id: "two" });
    for (const [method, path] of calls.filter(([, path]) => path.startsWith("/admin/api-keys/zzzz"))) {
      const body = method === "PATCH" ? { name: "x" } : undefined;
      const other = await admin.send(method, path.replace("zzzzzzzzzzzz", theirs.id), mine.text, body);
      const unknown = await admin.send(method, path, mine.text, body);
      expect([other.status, other.text]).toEqual([404, unknown.text]);
      const names = (headers: Headers) => [...headers.keys()].filter((name) => name !== "date");
      expect(names(other.headers)).toEqual(names(unknown.headers));
    }
    const listed = await admin.send("GET", "/admin/api-keys?owner_id=two", mine.text);
    expect(listed.body).toEqual({ api_keys: [], next_cursor: null });
  });

  it("a weak key may stop a strong one, not loosen or enable it", async () => {
    const weak = await admin.makeKey({ permissions: ["admin:keys"] });
    const strong = await admin.makeKey({ permissions: ["*"], allowed_ips: ["10.0.0.0/8"] });
    const path = `/admin/api-keys/${strong.id}`;
    expect((await admin.send("PATCH", path, weak.text, { allowed_ips: [] })).status).toBe(403);
    expect((await admin.send("PATCH", path, weak.text, { name: "named" })).status).toBe(200);
    expect((await admin.send("POST", `${path}/disable`, weak.text)).status).toBe(200);
    expect((await admin.send("POST", `${path}/enable`, weak.text)).status).toBe(403);
    expect((await admin.send("PATCH", path, weak.text, { state: "active" })).status).toBe(403);
    expect((await admin.send("POST", `${path}/enable`, root)).status).toBe(200);
  });
});

describe("tRPC", () => {
  it("the typed client does what REST does", async () => {
    const client = createAdminClient({ url: admin.url, apiKey: root });
    const made = await client.keys.create.mutate({ name: "over trpc", budgets: [{ limit_usd: "1.5", period: "day" }] });
    expect(made.api_key).toMatch(/^prod_/);
    expect(made.budgets).toEqual([{ limit_usd: "1.5", period: "day" }]);
    expect((await client.keys.get.query({ public_id: made.public_id })).alias).toBe("over-trpc");
    expect((await client.keys.list.query({ q: made.public_id })).api_keys).toHaveLength(1);
    await client.keys.revoke.mutate({ public_id: made.public_id });
    expect((await client.keys.get.query({ public_id: made.public_id })).state).toBe("revoked");
  });

  it("errors carry our code and status, and no stack", async () => {
    const path = `/trpc/keys.get?input=${encodeURIComponent(JSON.stringify({ public_id: "zzzzzzzzzzzz" }))}`;
    const unknown = await admin.send("GET", path, root);
    expect(unknown.status).toBe(404);
    expect(unknown.text).not.toContain("stack");
    expect(unknown.body.error).toMatchObject({ data: { httpStatus: 404, error: { code: "not_found" } } });
    expect((await admin.send("GET", path, null)).status).toBe(401);
    expect((await admin.send("GET", path, null)).headers.get("www-authenticate")).toBe("Bearer");
    expect((await admin.send("GET", path, inference.text)).status).toBe(403);
    const bad = await admin.send("POST", "/trpc/keys.create", root, { alias: "No Good", surprise: 1 });
    expect(bad.status).toBe(422);
    expect(bad.text).toContain("surprise");
    expect((await admin.send("POST", "/trpc/keys.create", root, { name: "x".repeat(300_000) })).status).toBe(413);
    expect((await admin.send("GET", "/trpc/no.such", root)).status).toBe(404);
  });

  it("a batch has at most 20 calls", async () => {
    const batch = (count: number) =>
      `/trpc/${Array.from({ length: count }, () => "keys.list").join(",")}?batch=1&input={}`;
    expect((await admin.send("GET", batch(21), root)).status).toBe(400);
    const inputs = encodeURIComponent(
      JSON.stringify(Object.fromEntries(Array.from({ length: 20 }, (_, index) => [index, {}]))),
    );
    expect((await admin.send("GET", batch(20).replace("{}", inputs), root)).status).toBe(200);
  });
});

describe("GET /admin/openapi.json", () => {
  it("is OpenAPI 3.1 with our statuses and error shape", async () => {
    const document = await admin.send("GET", "/admin/openapi.json", null);
    expect(document.status).toBe(200);
    expect(document.body.openapi).toBe("3.1.0");
    const paths = document.body.paths as Record<string, Record<string, { responses: Record<string, unknown> }>>;
    expect(Object.keys(paths["/api-keys"]?.post?.responses ?? {})).toEqual([
      "201",
      "400",
      "401",
      "403",
      "409",
      "413",
      "415",
      "422",
      "503",
    ]);
    expect(Object.keys(paths["/api-keys/{public_id}"]?.delete?.responses ?? {})).toEqual([
      "204",
      "400",
      "401",
      "403",
      "404",
      "409",
      "422",
      "503",
    ]);
    expect(document.text).toContain("#/components/schemas/Error");
  });
});
