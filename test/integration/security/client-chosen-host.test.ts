import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRawPost, type PipelinedRequest, sendPipelined } from "../../support/raw-http.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { openTrapListener, type TrapListener } from "../../support/trap-listener.ts";

/** BARS.md C5: nothing that a client sends chooses the host, the path or the credential of an upstream call. */
const providerKey = "sk-provider-canary-4f7Q9xWz81LmTnB2";
let upstream: ScriptedUpstream;
let trap: TrapListener;
let gateway: TestGateway;
let folder: string;
let key: string;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  trap = await openTrapListener();
  folder = mkdtempSync(join(tmpdir(), "tollgate-test-"));
  writeFileSync(join(folder, "provider-key"), providerKey);
  const config = makeModelConfig(upstream.url, "gpt-test", "retries = 0").replace(
    'api_key_location = "none"',
    `api_key_location = "path::${join(folder, "provider-key")}"`,
  );
  const redirecting = makeModelConfig(upstream.url, "redirected", "retries = 0")
    .replace('api_key_location = "none"', `api_key_location = "path::${join(folder, "provider-key")}"`)
    .replace('type = "openai_compatible"', `type = "openai_compatible"\nmodel_name = "x+redirect-${trap.url}/steal"`);
  gateway = await openTestGateway({ config: config + redirecting });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  await trap.close();
  rmSync(folder, { recursive: true, force: true });
});

const fields = [
  "api_base",
  "base_url",
  "baseURL",
  "api_url",
  "endpoint",
  "api_host",
  "host",
  "custom_host",
  "proxy",
  "proxies",
  "http_proxy",
  "api_key",
  "api_version",
  "organization",
  "project",
  "custom_llm_provider",
  "provider",
  "model_list",
  "fallbacks",
  "config",
  "router",
  "extra_headers",
  "headers",
  "extra_body",
  "azure_ad_token",
  "aws_bedrock_runtime_endpoint",
  "vertex_project",
  "user_config",
  "credentials",
  "litellm_params",
  "litellm_metadata",
  "callbacks",
  "metadata",
];

const headerNames = [
  "X-Custom-Host",
  "X-Portkey-Custom-Host",
  "X-Portkey-Provider",
  "X-Portkey-Config",
  "X-Portkey-Forward-Headers",
  "X-Api-Base",
  "X-Base-Url",
  "X-Target-Url",
  "X-Upstream-Host",
  "X-Forwarded-Host",
  "X-Forwarded-Server",
  "X-Original-Host",
  "X-Original-Url",
  "X-Host",
  "X-Proxy",
  "Forwarded",
  "OpenAI-Organization",
  "OpenAI-Project",
  "X-Goog-Api-Key",
  "Api-Key",
  "X-Litellm-Api-Base",
  "Helicone-Target-Url",
  "Helicone-OpenAI-Api-Base",
  "Anthropic-Beta",
];

/** Values of each kind that such a field takes somewhere. */
function listValues(trapUrl: string): unknown[] {
  const host = new URL(trapUrl).host;
  return [
    trapUrl,
    host,
    `${trapUrl}/v1`,
    `//${host}/`,
    { url: trapUrl, base_url: trapUrl, api_base: trapUrl, authorization: "Bearer mine" },
    [{ model_name: "gpt-test", litellm_params: { model: "gpt-test", api_base: trapUrl, api_key: "mine" } }],
  ];
}

/** One request for each way to name a host, all asking for the same model. */
function* listRequests(trapUrl: string, bearer: string): Generator<PipelinedRequest> {
  const base = { model: "gpt-test", messages: [{ role: "user", content: "Where am I sent?" }] };
  const authorization = `Authorization: Bearer ${bearer}`;
  const post = (path: string, lines: readonly string[], json: object): PipelinedRequest => ({
    bytes: makeRawPost(path, [authorization, ...lines], JSON.stringify(json)),
    alone: false,
  });
  for (const value of listValues(trapUrl)) {
    for (const field of fields) {
      yield post("/v1/chat/completions", [], { ...base, [field]: value });
      yield post("/v1/chat/completions", [], { ...base, stream: true, extra_body: { [field]: value } });
      const text = encodeURIComponent(typeof value === "string" ? value : JSON.stringify(value));
      yield post(`/openai/v1/chat/completions?${field}=${text}`, [], base);
      yield post("/v1/embeddings", [], { model: "gpt-test", input: "x", [field]: value });
    }
    const text = typeof value === "string" ? value : JSON.stringify(value);
    for (const name of headerNames) yield post("/v1/chat/completions", [`${name}: ${text}`], base);
  }
  yield post(`${trapUrl}/v1/chat/completions`, [], base);
  yield { bytes: makeRawPost("/v1/chat/completions", [authorization], JSON.stringify(base)), alone: false };
  const { host } = new URL(trapUrl);
  const withHost = makeRawPost("/v1/chat/completions", [authorization], JSON.stringify(base)).toString("latin1");
  yield { bytes: Buffer.from(withHost.replace("Host: gateway", `Host: ${host}`), "latin1"), alone: false };
}

function listModelNames(trapUrl: string): string[] {
  const { host } = new URL(trapUrl);
  return [
    trapUrl,
    `openai_compatible::${trapUrl}/v1`,
    `vllm::${trapUrl}`,
    `openai::../../../${host}`,
    `tgi::x@${host}`,
    `tensorzero::model_name::${trapUrl}`,
    `tensorzero::model_name::vllm::${host}`,
    "openai::gpt-5-mini",
    "gpt-test/../../x",
    "gpt-test?x=1",
    "gpt-test\\..",
    "__proto__",
    "constructor",
  ];
}

/** Requests that reached the configured upstream in another way than the configuration says. */
function listStrays(): object[] {
  const allowed = new Set(["/v1/chat/completions", "/v1/embeddings"]);
  return upstream.log.flatMap(({ path, rawHeaders }) => {
    const find = (name: string) =>
      rawHeaders.flatMap((each, index) =>
        index % 2 === 0 && each.toLowerCase() === name ? [rawHeaders[index + 1]] : [],
      );
    const hosts = find("host");
    const credentials = find("authorization");
    const isRight =
      allowed.has(path) &&
      hosts.length === 1 &&
      hosts[0] === new URL(upstream.url).host &&
      credentials.length === 1 &&
      credentials[0] === `Bearer ${providerKey}`;
    return isRight ? [] : [{ path, hosts, credentials }];
  });
}

test("no field, header or query parameter moves the call, and no byte of the provider's key goes elsewhere", async () => {
  const statuses = new Map<number, number>();
  const told = await sendPipelined(
    Number(new URL(gateway.url).port),
    listRequests(trap.url, key),
    (_request, answer) => {
      const status = answer?.status ?? 0;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      expect(answer?.body.includes(providerKey)).toBe(false);
    },
  );
  expect(told).toBe(6 * (fields.length * 4 + headerNames.length) + 3);
  // Whatever is not ours to read is the provider's business: the calls are made, where the operator said.
  expect(statuses.get(200)).toBeGreaterThan(told * 0.9);
  expect([...statuses.keys()].filter((status) => status !== 200 && status !== 400)).toEqual([]);
  expect(upstream.log.length).toBe(statuses.get(200));
  expect(listStrays()).toEqual([]);
  expect(trap.connectionCount).toBe(0);
}, 60_000);

test("a model's name is no address", async () => {
  const before = upstream.log.length;
  for (const model of listModelNames(trap.url)) {
    const response = await gateway.call(
      "/v1/chat/completions",
      { model, messages: [{ role: "user", content: "x" }] },
      key,
    );
    expect([400, 404], model).toContain(response.status);
  }
  expect(upstream.log.length).toBe(before);
  expect(trap.connectionCount).toBe(0);
});

test("a redirect is not followed", async () => {
  const response = await gateway.call(
    "/v1/chat/completions",
    { model: "redirected", messages: [{ role: "user", content: "x" }] },
    key,
  );
  expect(response.status).toBe(502);
  expect(await response.text()).not.toContain(String(trap.port));
  expect(trap.connectionCount).toBe(0);
});

test("the check sees a gateway that goes where it is told", async () => {
  const fooled = await openTrapListener();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const json = JSON.parse(Buffer.concat(chunks).toString()) as { api_base?: string };
      const base = json.api_base ?? request.headers["x-custom-host"];
      const send = async (): Promise<void> => {
        if (typeof base === "string" && base.startsWith("http")) {
          await fetch(base, { headers: { authorization: `Bearer ${providerKey}` } });
        }
        response.writeHead(200, { "content-length": 0 }).end();
      };
      send().catch(() => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await sendPipelined((server.address() as AddressInfo).port, listRequests(fooled.url, key), () => undefined);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  expect(fooled.connectionCount).toBeGreaterThan(3);
  expect(fooled.received()).toContain(providerKey);
  await fooled.close();
});
