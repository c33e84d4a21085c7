import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NewApiKey } from "../../../db/queries/insert-api-key.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

const messages = [{ role: "user", content: "Say something." }];
let upstream: ScriptedUpstream;
let gateway: TestGateway;
let key: string;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: ["gpt-a", "gpt-b", "org/gpt-c", "other"].map((name) => makeModelConfig(upstream.url, name)).join(""),
  });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

async function call(
  properties: Partial<NewApiKey>,
  model: string,
  headers: Record<string, string> = {},
): Promise<[number, string]> {
  const { text } = await gateway.makeKey(properties);
  const response = await gateway.call("/v1/chat/completions", { model, messages }, text, { headers });
  const body = (await response.json()) as { error?: { code: string } };
  return [response.status, body.error?.code ?? ""];
}

const get = (path: string, text: string | null): Promise<Response> =>
  fetch(`${gateway.url}${path}`, { headers: text === null ? {} : { authorization: `Bearer ${text}` } });

async function listModels(properties: Partial<NewApiKey>): Promise<string[]> {
  const { text } = await gateway.makeKey(properties);
  const { data } = (await (await get("/v1/models", text)).json()) as { data: { id: string }[] };
  return data.map(({ id }) => id);
}

describe("a key's scope", () => {
  for (const [models, model, expected] of [
    [["*"], "gpt-a", [200, ""]],
    [["gpt-*"], "gpt-a", [200, ""]],
    [["gpt-a"], "gpt-a", [200, ""]],
    [["gpt-a"], "tensorzero::model_name::gpt-a", [200, ""]],
    [["echo::*"], "echo::anything", [200, ""]],
    [["*"], "echo::anything", [200, ""]],
    [["gpt-a"], "gpt-b", [403, "model_not_allowed"]],
    [["gpt-a"], "tensorzero::model_name::gpt-b", [403, "model_not_allowed"]],
    [["*", "!gpt-a"], "gpt-a", [403, "model_not_allowed"]],
    [["!gpt-a"], "gpt-b", [403, "model_not_allowed"]],
    [[], "gpt-a", [403, "model_not_allowed"]],
    [["gpt-*"], "echo::gpt-a", [403, "model_not_allowed"]],
    [["GPT-A"], "gpt-a", [403, "model_not_allowed"]],
    [["*"], "gpt-none", [404, "model_not_found"]],
    [["*"], "tensorzero::model_name::gpt-none", [404, "model_not_found"]],
    [["*"], "nobody::gpt-a", [404, "model_not_found"]],
    [["*"], "openai::gpt-a", [404, "model_not_found"]],
    [["*"], "echo::", [404, "model_not_found"]],
    [["*"], "__proto__", [404, "model_not_found"]],
    [["*"], "tensorzero::model_name::", [404, "model_not_found"]],
  ] as const) {
    it(`[${models}] and ${model}: ${expected[0]}`, async () => {
      expect(await call({ models: [...models] }, model)).toEqual(expected);
    });
  }

  it("lists and retrieves the models that the key may call, and no other exists for it", async () => {
    expect(await listModels({ models: ["*"] })).toEqual(["gpt-a", "gpt-b", "org/gpt-c", "other"]);
    expect(await listModels({ models: ["gpt-*", "!gpt-b"] })).toEqual(["gpt-a"]);
    expect(await listModels({ models: [] })).toEqual([]);
    const { text } = await gateway.makeKey({ models: ["gpt-*", "*/gpt-c", "echo::*"] });
    for (const [name, status] of [
      ["gpt-a", 200],
      ["org/gpt-c", 200],
      ["org%2Fgpt-c", 200],
      ["echo::x", 200],
      ["other", 404],
      ["gpt-none", 404],
    ] as const) {
      const response = await get(`/v1/models/${name}`, text);
      expect([name, response.status]).toEqual([name, status]);
      const body = (await response.json()) as { id?: string; object?: string; error?: { code: string } };
      const found =
        status === 200 ? [decodeURIComponent(name), "model", undefined] : [undefined, undefined, "model_not_found"];
      expect([body.id, body.object, body.error?.code]).toEqual(found);
    }
    // What it may not call and what does not exist are answered alike.
    const say = async (name: string): Promise<string> =>
      (await (await get(`/v1/models/${name}`, text)).text()).replaceAll(name, "NAME");
    expect(await say("other")).toBe(await say("none!"));
  });

  for (const [what, properties, headers, expected] of [
    ["no permission", { permissions: [] }, {}, "permission_denied"],
    ["other permissions", { permissions: ["vec:read", "admin:keys", "ai:agents"] }, {}, "permission_denied"],
    ["the service's permissions", { permissions: ["ai:*"] }, {}, ""],
    ["another network", { allowedIps: ["10.0.0.0/8", "2001:db8::/32"] }, {}, "ip_not_allowed"],
    ["this network", { allowedIps: ["10.0.0.0/8", "127.0.0.0/8"] }, {}, ""],
    ["this network, whatever a header claims", { allowedIps: ["127.0.0.1"] }, { "x-forwarded-for": "8.8.8.8" }, ""],
    [
      "another network, whatever a header claims",
      { allowedIps: ["8.8.8.8"] },
      { "x-forwarded-for": "8.8.8.8", "x-real-ip": "8.8.8.8" },
      "ip_not_allowed",
    ],
    ["no origin", { allowedOrigins: ["https://a.example"] }, {}, "origin_not_allowed"],
    [
      "another origin",
      { allowedOrigins: ["https://a.example"] },
      { origin: "https://b.example" },
      "origin_not_allowed",
    ],
    [
      "the origin's other scheme",
      { allowedOrigins: ["https://a.example"] },
      { origin: "http://a.example" },
      "origin_not_allowed",
    ],
    [
      "an origin that only ends alike",
      { allowedOrigins: ["https://*.a.example"] },
      { origin: "https://evila.example" },
      "origin_not_allowed",
    ],
    [
      "the bare domain of a wildcard",
      { allowedOrigins: ["https://*.a.example"] },
      { origin: "https://a.example" },
      "origin_not_allowed",
    ],
    ["a subdomain", { allowedOrigins: ["https://*.a.example"] }, { origin: "https://x.a.example" }, ""],
    ["the origin", { allowedOrigins: ["https://a.example"] }, { origin: "https://a.example" }, ""],
  ] as const) {
    it(`${what}: ${expected === "" ? 200 : expected}`, async () => {
      const answer = await call(properties, "gpt-a", headers);
      expect(answer).toEqual([expected === "" ? 200 : 403, expected]);
    });
  }

  it("is judged before the body is read", async () => {
    const { text } = await gateway.makeKey({ permissions: [] });
    const socket = connect({ port: Number(new URL(gateway.url).port), host: "127.0.0.1" });
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\nauthorization: Bearer ${text}\r\ncontent-length: 1000\r\n\r\n{`,
    );
    const answer = await new Promise<string>((resolve) => socket.once("data", (bytes) => resolve(bytes.toString())));
    socket.destroy();
    expect(answer.split("\r\n", 1)[0]).toBe("HTTP/1.1 403 Forbidden");
  });
});

describe("a route that does not exist", () => {
  it("is 404 behind a key and 401 without, the same for one that does", async () => {
    for (const path of [
      "/v1/nothing",
      "/v1/",
      "/v1/chat",
      "/v1/chat/completions/",
      "/v1/Chat/Completions",
      "/openai/v1/x",
      "/v1/chat/completions",
    ]) {
      const known = await get(path, key);
      const unknown = await get(path, null);
      expect([path, known.status, unknown.status]).toEqual([path, 404, 401]);
      expect(unknown.headers.get("www-authenticate")).toBe("Bearer");
      expect(((await known.json()) as { error: { code: string } }).error.code).toBe("not_found");
      expect(((await unknown.json()) as { error: { code: string } }).error.code).toBe("missing_api_key");
    }
  });

  it("leaves no event, like every refusal", async () => {
    const { text } = await gateway.makeKey({ models: ["nothing"] });
    await (await gateway.call("/v1/chat/completions", { model: "gpt-a", messages }, text)).text();
    const response = await gateway.call("/v1/chat/completions", { model: "gpt-a", messages }, key);
    await response.text();
    // Written behind the refusal, so that a row of it would be there by now.
    const id = response.headers.get("x-request-id");
    await waitUntil(async () => (await gateway.listEvents(0)).some((event) => event.id === id), "the event");
    expect((await gateway.listEvents(0)).filter((event) => event.status === 403 || event.status === 404)).toEqual([]);
  });
});
