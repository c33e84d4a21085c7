import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";
import { makeRawPost, makeRawRequest, type RawAnswer, sendRaw } from "../../support/raw-http.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig } from "../../support/test-gateway.ts";

/** BARS.md C13: what passes through the gateway in either direction is a closed list. */
const providerKey = "sk-provider-canary-8Hk2LqPz77RmXwC5";
const accountIds = ["org-4kQ9xLmZ81TnB2wV", "proj_9LmZ81TnB2wV4kQ9", "user-Z81TnB2wV4kQ9xLm"];
let upstream: ScriptedUpstream;
/** Answers with a status that its path names, and tells the account in head and body. */
let talkative: Server;
let gateway: GatewayProcess;
let folder: string;
let key: string;
let port: number;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  talkative = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      const status = Number(/\/s(\d+)\//.exec(request.url ?? "")?.[1] ?? 500);
      const [organization, project, user] = accountIds;
      response.writeHead(status, {
        "content-type": "application/json",
        "set-cookie": ["session=abc", "__cf_bm=def"],
        "openai-organization": organization,
        "openai-project": project,
        "x-request-id": "req_of_the_provider",
        "www-authenticate": "Bearer realm=provider",
        server: "cloudflare",
        via: "1.1 provider",
        "cf-ray": "8c0ffee",
        "retry-after": "7",
        "proxy-authenticate": "Basic",
        link: "<http://provider/next>",
        "access-control-allow-origin": "*",
        "strict-transport-security": "max-age=1",
        "x-ratelimit-limit-requests": "5000",
        location: "http://provider/elsewhere",
      });
      const message = `Incorrect API key provided: ${providerKey}. Organization ${organization}, project ${project}, ${user}.`;
      response.end(JSON.stringify({ error: { message, type: "invalid_request_error", param: null, code: "x" } }));
    });
  });
  await new Promise<void>((resolve) => talkative.listen(0, "127.0.0.1", resolve));
  folder = mkdtempSync(join(tmpdir(), "tollgate-test-"));
  writeFileSync(join(folder, "provider-key"), providerKey);
  const withKey = (text: string) =>
    text.replace('api_key_location = "none"', `api_key_location = "path::${join(folder, "provider-key")}"`);
  const talkativeUrl = `http://127.0.0.1:${(talkative.address() as AddressInfo).port}`;
  const models = [makeModelConfig(upstream.url, "plain"), makeModelConfig(upstream.url, "gpt-x+identity")];
  for (const status of [200, 400, 401, 403, 404, 407, 409, 413, 422, 429, 500, 503]) {
    models.push(makeModelConfig(`${talkativeUrl}/s${status}`, `s${status}`, "retries = 0"));
  }
  gateway = await openGatewayProcess({ config: models.map(withKey).join("\n") });
  key = (await gateway.makeKey()).text;
  ({ port } = gateway);
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  talkative.closeAllConnections();
  await new Promise((resolve) => talkative.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const hostileLines = [
  "Connection: close, authorization, x-request-id, content-type, content-length",
  "Keep-Alive: timeout=999",
  "Proxy-Connection: keep-alive",
  "Proxy-Authorization: Basic c2VjcmV0",
  "TE: trailers, deflate",
  "Trailer: X-Trailer",
  "Upgrade: h2c, websocket",
  "HTTP2-Settings: AAMAAABkAAQAAP__",
  "Cookie: session=client-cookie; other=1",
  "X-Request-Id: chosen-by-the-client",
  "X-Client-Request-Id: chosen-by-the-client",
  "Forwarded: for=10.0.0.1;host=evil",
  "X-Forwarded-For: 10.0.0.1",
  "X-Forwarded-Host: evil",
  "X-Forwarded-Proto: https",
  "X-Real-Ip: 10.0.0.1",
  "Via: 1.1 evil",
  "Origin: http://evil",
  "Referer: http://evil/",
  "User-Agent: client-agent",
  "Accept: */*",
  "Accept-Encoding: gzip, br",
  "Accept-Language: de",
  "OpenAI-Organization: org-of-the-client",
  "OpenAI-Beta: x",
  "Idempotency-Key: 1",
  "Range: bytes=0-1",
  "If-None-Match: *",
  "Max-Forwards: 0",
  "X-Stainless-Lang: js",
  "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  ...Array.from({ length: 100 }, (_, index) => `X-Filler-${index}: ${"f".repeat(index)}`),
];

const upstreamAllowed = [
  "accept",
  "accept-encoding",
  "authorization",
  "connection",
  "content-length",
  "content-type",
  "host",
  "user-agent",
  "x-client-request-id",
];
/** `date`, `connection`, `keep-alive` and `transfer-encoding` are our own server's. */
const clientAllowed = new Set([
  "cache-control",
  "connection",
  "content-length",
  "content-type",
  "date",
  "keep-alive",
  "retry-after",
  "trailer",
  "transfer-encoding",
  "www-authenticate",
  "x-accel-buffering",
  "x-request-id",
  "x-should-retry",
  "x-tollgate-cost-usd",
  "x-tollgate-max-output-tokens",
  "x-tollgate-overhead-ms",
]);

function listNames(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
}

/** Headers of an answer that are not on the list, and provider's words in it. */
function listLeaks(answer: RawAnswer): string[] {
  const names = answer.rawHeaders.map(([name]) => name.toLowerCase());
  const whole = `${answer.head}\n${answer.body.toString("latin1")}`;
  const words = [
    providerKey,
    ...accountIds,
    "req_of_the_provider",
    "cloudflare",
    "8c0ffee",
    "session=abc",
    "org-secret",
    "proj_secret",
    "realm=provider",
  ];
  return [
    ...names.filter((name) => !clientAllowed.has(name)),
    ...names.filter((name, index) => names.indexOf(name) !== index),
    ...words.filter((word) => whole.includes(word)),
  ];
}

const send = async (json: object, lines: readonly string[] = [], path = "/v1/chat/completions"): Promise<RawAnswer> => {
  const answer = await sendRaw(
    port,
    makeRawPost(path, [`Authorization: Bearer ${key}`, ...lines], JSON.stringify(json)),
  );
  if (answer === null) throw new Error("no answer");
  return answer;
};
const messages = [{ role: "user", content: "Hello" }];

describe("towards the provider", () => {
  test.each([
    ["JSON", "/v1/chat/completions", { model: "plain", messages }],
    ["a stream", "/v1/chat/completions", { model: "plain", messages, stream: true }],
    ["completions", "/v1/completions", { model: "plain", prompt: "x" }],
    ["embeddings", "/openai/v1/embeddings", { model: "plain", input: "x" }],
  ])("%s: exactly the allow-list, each once, with our own values", async (_name, path, json) => {
    const answer = await send(json, hostileLines, path);
    expect(answer.status).toBe(200);
    const call = upstream.log.at(-1);
    const names = listNames(call?.rawHeaders ?? []);
    expect(names.toSorted()).toEqual(upstreamAllowed);
    const values = (call?.rawHeaders ?? []).filter((_, index) => index % 2 === 1).join("\n");
    expect(values).not.toContain(key.slice(-48));
    expect(values).toContain(`Bearer ${providerKey}`);
    for (const word of [
      "client-cookie",
      "chosen-by-the-client",
      "evil",
      "client-agent",
      "org-of-the-client",
      "10.0.0.1",
    ]) {
      expect(values).not.toContain(word);
    }
    const id = answer.rawHeaders.find(([name]) => name === "x-request-id")?.[1];
    expect(call?.requestId).toBe(id);
    expect(id).not.toBe("chosen-by-the-client");
    expect(call?.body).not.toContain(key.slice(-48));
  });
});

describe("towards the client", () => {
  test.each([
    ["JSON", { model: "gpt-x+identity", messages }],
    ["a stream", { model: "gpt-x+identity", messages, stream: true }],
  ])("%s: exactly the allow-list", async (_name, json) => {
    const answer = await send(json, hostileLines.slice(1));
    expect(answer.status).toBe(200);
    expect(answer.rawHeaders.map(([name]) => name)).toContain("x-request-id");
    expect(listLeaks(answer)).toEqual([]);
    expect(upstream.log.at(-1)?.model).toBe("gpt-x+identity");
  });

  test.each([200, 400, 401, 403, 404, 407, 409, 413, 422, 429, 500, 503])(
    "a provider that answers %i and tells its account: nothing of it",
    async (status) => {
      const answer = await send({ model: `s${status}`, messages });
      const passed = [200, 400, 404, 409, 413, 422, 429].includes(status);
      expect(answer.status).toBe(passed ? status : 502);
      // A body of 200 is the provider's answer and goes on as it is; its head does not.
      if (status === 200) answer.body = Buffer.alloc(0);
      expect(listLeaks(answer)).toEqual([]);
      expect(answer.rawHeaders.some(([name]) => name === "retry-after")).toBe(status === 429);
    },
  );

  test.each([
    ["no key", "POST /v1/chat/completions HTTP/1.1", []],
    ["an unknown route", "GET /v1/none HTTP/1.1", ["Authorization: Bearer x"]],
    ["the list of models", "GET /v1/models HTTP/1.1", []],
  ])("%s: the same list", async (_name, line, lines) => {
    const answer = await sendRaw(port, makeRawRequest([line, "Host: gateway", "Content-Length: 0", ...lines]));
    if (answer === null) throw new Error("no answer");
    expect(answer.status).toBe(401);
    expect(listLeaks(answer)).toEqual([]);
  });
});

test("the check sees one header too many, one twice, and a word in a body", () => {
  const answer: RawAnswer = {
    status: 200,
    head: "HTTP/1.1 200 OK\r\n",
    rawHeaders: [["Date", "x"]],
    body: Buffer.alloc(0),
  };
  expect(listLeaks(answer)).toEqual([]);
  expect(listLeaks({ ...answer, rawHeaders: [["Set-Cookie", "a=1"]] })).toEqual(["set-cookie"]);
  expect(
    listLeaks({
      ...answer,
      rawHeaders: [
        ["Date", "x"],
        ["date", "y"],
      ],
    }),
  ).toEqual(["date"]);
  expect(listLeaks({ ...answer, body: Buffer.from(`for ${accountIds[1]}`) })).toEqual([accountIds[1]]);
});
