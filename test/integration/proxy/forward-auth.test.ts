import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NewApiKey } from "../../../db/queries/insert-api-key.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

let gateway: TestGateway;
let behindProxy: TestGateway;

beforeAll(async () => {
  gateway = await openTestGateway();
  behindProxy = await openTestGateway({ config: '[gateway]\ntrusted_proxies = ["127.0.0.0/8", "10.0.0.0/8"]\n' });
});
afterAll(async () => {
  await gateway.close();
  await behindProxy.close();
});

function ask(query: string, key: string | null, headers: Record<string, string> = {}, method = "GET", at = gateway) {
  return fetch(`${at.url}/v1/keys/forward-auth${query}`, {
    method,
    headers: { ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...headers },
  });
}

async function codeOf(response: Response): Promise<string> {
  const text = await response.text();
  return text === "" ? "" : (JSON.parse(text) as { error: { code: string } }).error.code;
}

describe("GET /v1/keys/forward-auth", () => {
  it("204 says who it is, in headers that are safe to pass on", async () => {
    const tags = { customer: "Zürich, GmbH=1", empty: "", plain: "a b%", mail: "x@y.z" };
    const { text, publicId } = await gateway.makeKey({ permissions: ["vec:write"], tags, ownerId: "jö:rg\u2028@x" });
    const response = await ask("?permission=vec:write", text);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(response.headers.get("x-tollgate-public-id")).toBe(publicId);
    expect(response.headers.get("cache-control")).toBe("no-store");
    const owner = response.headers.get("x-tollgate-owner-id") ?? "";
    const sent = response.headers.get("x-tollgate-tags") ?? "";
    expect(owner + sent).toMatch(/^[\x21-\x7e]+$/);
    expect(decodeURIComponent(owner)).toBe("jö:rg\u2028@x");
    expect(
      Object.fromEntries(sent.split(",").map((pair) => pair.split("=").map(decodeURIComponent) as [string, string])),
    ).toEqual(tags);
  });

  it("always sends all three, so that a client's own are replaced", async () => {
    const { text } = await gateway.makeKey();
    const response = await ask("", text, { "x-tollgate-owner-id": "admin", "x-tollgate-tags": "a=b" });
    expect(response.status).toBe(204);
    expect(response.headers.get("x-tollgate-owner-id")).toBe("");
    expect(response.headers.get("x-tollgate-tags")).toBe("");
  });

  it("counts each question as one request, and is 429 past the limit of the key", async () => {
    const { text } = await gateway.makeKey({ rateLimits: { requests_per_hour: 2 } });
    const statuses = [(await ask("", text)).status, (await ask("", text)).status];
    const refused = await ask("", text);
    expect([...statuses, refused.status, await codeOf(refused)]).toEqual([204, 204, 429, "rate_limit_exceeded"]);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(3_500);
    expect(refused.headers.get("x-ratelimit-remaining-requests")).toBe("0");
  });

  const vec: Partial<NewApiKey> = { permissions: ["vec:read", "vec:write"] };
  const page: Partial<NewApiKey> = { ...vec, type: "client", allowedOrigins: ["https://a.example"] };
  it.each<[string, Partial<NewApiKey>, string, Record<string, string>, number, string]>([
    ["several permissions", vec, "?permission=vec:read&permission=vec:write", {}, 204, ""],
    ["one of them lacks", vec, "?permission=vec:read&permission=vec:delete", {}, 403, "permission_denied"],
    ["a model", { models: ["gpt-*"] }, "?model=gpt-5", {}, 204, ""],
    ["another model", { models: ["gpt-*"] }, "?model=claude", {}, 403, "model_not_allowed"],
    ["200 for Envoy", vec, "?permission=vec:read&status=200", {}, 200, ""],
    ["Envoy's path", vec, "?permission=vec:read&path=/cloud/vec?model=x&permission=vec:delete&y", {}, 204, ""],
    ["Envoy's path first", vec, "?path=/x&permission=vec:delete", {}, 204, ""],
    ["a client key on its page", page, "?permission=vec:read", { origin: "https://a.example" }, 204, ""],
    ["a client key on no page", page, "?permission=vec:read", {}, 403, "origin_not_allowed"],
    [
      "a client key elsewhere",
      page,
      "?permission=vec:read",
      { origin: "https://b.example" },
      403,
      "origin_not_allowed",
    ],
    ["another network", { allowedIps: ["10.9.0.0/16"] }, "", {}, 403, "ip_not_allowed"],
    [
      "another network, whatever is said",
      { allowedIps: ["10.9.0.0/16"] },
      "",
      { "x-forwarded-for": "10.9.0.1" },
      403,
      "ip_not_allowed",
    ],
    ["revoked", { state: "revoked" }, "", {}, 401, "revoked_api_key"],
    ["ended", { expiresAt: new Date(1) }, "?permission=vec:read", {}, 401, "expired_api_key"],
    ["an unknown permission", { permissions: ["*"] }, "?permission=vec:raed", {}, 422, "validation_failed"],
    ["a permission that was left empty", { permissions: ["*"] }, "?permission=", {}, 422, "validation_failed"],
    ["a misspelled parameter", { permissions: ["*"] }, "?permision=vec:read", {}, 422, "validation_failed"],
    ["two models", { permissions: ["*"] }, "?model=a&model=b", {}, 422, "validation_failed"],
    ["another status", { permissions: ["*"] }, "?status=500", {}, 422, "validation_failed"],
    ["a prototype", { permissions: ["*"] }, "?__proto__=x", {}, 422, "validation_failed"],
  ])("%s", async (_what, properties, query, headers, status, code) => {
    const { text } = await gateway.makeKey(properties);
    const response = await ask(query, text, headers);
    expect([response.status, await codeOf(response)]).toEqual([status, code]);
    expect(response.headers.has("x-tollgate-public-id")).toBe(status <= 204);
    expect(response.headers.get("www-authenticate")).toBe(status === 401 ? "Bearer" : null);
  });

  it("is asked with any method", async () => {
    const { text } = await gateway.makeKey(vec);
    for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      expect([method, (await ask("?permission=vec:read", text, {}, method)).status]).toEqual([method, 204]);
      expect([method, (await ask("?permission=vec:delete", text, {}, method)).status]).toEqual([method, 403]);
    }
  });

  it("401 without a key; a key in the query or in x-api-key is none", async () => {
    const { text } = await gateway.makeKey({ permissions: ["*"] });
    expect(await codeOf(await ask("?permission=vec:read", null))).toBe("missing_api_key");
    expect(await codeOf(await ask("?permission=vec:read", null, { "x-api-key": text }))).toBe("missing_api_key");
    expect((await ask(`?permission=vec:read&api_key=${text}`, null)).status).toBe(401);
  });

  it("takes the client's address from a trusted proxy, and from nobody else", async () => {
    const { text } = await behindProxy.makeKey({ allowedIps: ["8.8.8.0/24", "2001:db8::/32"] });
    for (const [headers, status] of [
      [{ "x-forwarded-for": "8.8.8.8" }, 204],
      [{ "x-forwarded-for": "1.1.1.1, 8.8.8.8, 10.0.0.7" }, 204],
      [{ "x-forwarded-for": "::ffff:8.8.8.8" }, 204],
      [{ forwarded: 'for="[2001:db8::1]:55"' }, 204],
      [{ "x-forwarded-for": "8.8.8.8, 1.1.1.1" }, 403],
      [{ "x-forwarded-for": "8.8.8.8, garbage" }, 403],
      [{}, 403],
      [{ "x-real-ip": "8.8.8.8" }, 403],
    ] as [Record<string, string>, number][]) {
      const response = await ask("", text, headers, "GET", behindProxy);
      expect([headers, response.status]).toEqual([headers, status]);
    }
  });
});

it("the address behind a trusted proxy is in events, logs and last_used_ip", async () => {
  const { text, publicId } = await behindProxy.makeKey({ allowedIps: ["8.8.4.0/24"] });
  const headers = { "x-forwarded-for": "1.2.3.4, 8.8.4.4" };
  const body = { model: "echo::x", messages: [{ role: "user", content: "hi" }] };
  expect((await behindProxy.call("/v1/chat/completions", body, text, { headers })).status).toBe(200);
  const [event] = (await behindProxy.listEvents(1)).filter((one) => one.public_id === publicId);
  expect(event?.client_ip).toBe("8.8.4.4");
  expect(behindProxy.logLines.some((line) => line.includes(publicId) && line.includes('"ip":"8.8.4.4"'))).toBe(true);
  expect((await behindProxy.call("/v1/chat/completions", body, text)).status).toBe(403);
  expect(
    behindProxy.logLines.some((line) => line.includes("ip_not_allowed") && line.includes('"ip":"127.0.0.1"')),
  ).toBe(true);
});
