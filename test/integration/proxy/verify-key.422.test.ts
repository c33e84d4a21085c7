import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

interface ErrorAnswer {
  error: { code: string; message: string; param: string | null; issues?: { path: string; message: string }[] };
}

let gateway: TestGateway;
let service: string;

beforeAll(async () => {
  gateway = await openTestGateway();
  service = (await gateway.makeKey({ permissions: ["keys:verify"] })).text;
});
afterAll(() => gateway.close());

async function ask(body: unknown, key = service, headers: Record<string, string> = {}): Promise<[number, ErrorAnswer]> {
  const response = await gateway.call("/v1/keys/verify", body, key, { headers });
  return [response.status, (await response.json()) as ErrorAnswer];
}

describe("POST /v1/keys/verify refuses", () => {
  it.each([
    [{}, "key"],
    [{ key: "" }, "key"],
    [{ key: 5 }, "key"],
    [{ key: ["a"] }, "key"],
    [{ key: "x", permissions: "vec:read" }, "permissions"],
    [{ key: "x", permissions: ["vec"] }, "permissions[0]"],
    [{ key: "x", permissions: ["vec:raed"] }, "permissions[0]"],
    [{ key: "x", model: "" }, "model"],
    [{ key: "x", ip: "10.0.0.0/8" }, "ip"],
    [{ key: "x", ip: "1.2.3.256" }, "ip"],
    [{ key: "x", origin: "a.example" }, "origin"],
    [{ key: "x", origin: "https://a.example/" }, "origin"],
    [{ key: "x", cost_usd: -1 }, "cost_usd"],
    [{ key: "x", cost_usd: "1e5" }, "cost_usd"],
    [{ key: "x", requests: 1.5 }, "requests"],
    [{ key: "x", tokens: "5" }, "tokens"],
    [{ key: "x", api_key: "x" }, "api_key"],
  ])("%j: 422 for %s", async (body, field) => {
    const [status, { error }] = await ask(body);
    expect([status, error.code, error.param, error.issues?.map(({ path }) => path)]).toEqual([
      422,
      "validation_failed",
      field,
      [field],
    ]);
  });

  it("names what is allowed", async () => {
    const [, { error }] = await ask({ key: "x", permissions: ["vec:raed"] });
    expect(error.message).toContain("permissions[0]: there is no vec:raed; did you mean vec:read? allowed: vec:read, ");
    const [, unknown] = await ask({ key: "x", permission: "vec:read" });
    expect(unknown.error.message).toContain(
      "permission: there is no such field; allowed: key, permissions, model, ip, origin, cost_usd, requests, tokens",
    );
  });

  it.each([["[]"], ['"x"'], ["{"], ['{"key":"a","key":"b"}'], ['{"key":"a"} x'], [""], ["\ufeff{}"]])(
    "%j: 400, no object",
    async (text) => {
      const [status, { error }] = await ask(text);
      expect([status, error.code]).toEqual([400, "invalid_request"]);
    },
  );

  it("too much and what is no JSON: 413 and 415", async () => {
    expect((await ask({ key: "x".repeat(70_000) }))[0]).toBe(413);
    expect((await ask("key=x", service, { "content-type": "application/x-www-form-urlencoded" }))[0]).toBe(415);
  });

  it("who may not ask, before the body is read: 401 and 403", async () => {
    const { text } = await gateway.makeKey({ permissions: ["ai:inference", "vec:*", "admin:usage"] });
    const [status, { error }] = await ask({ nonsense: true }, text);
    expect([status, error.code]).toEqual([403, "permission_denied"]);
    expect(error.message).toContain("keys:verify");
    const [unknown, body] = await ask({ key: text }, "nobody");
    expect([unknown, body.error.code]).toEqual([401, "invalid_api_key"]);
    const bound = await gateway.makeKey({ permissions: ["*"], allowedIps: ["10.0.0.0/8"] });
    expect((await ask({ key: text }, bound.text))[0]).toBe(403);
    const inClient = await gateway.makeKey({
      type: "client",
      permissions: ["*"],
      allowedOrigins: ["https://a.example"],
    });
    const [forbidden, reason] = await ask({ key: text }, inClient.text, { origin: "https://a.example" });
    expect([forbidden, reason.error.code]).toEqual([403, "permission_denied"]);
  });
});
