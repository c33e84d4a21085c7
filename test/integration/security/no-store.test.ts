import { afterAll, beforeAll, expect, test } from "vitest";
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";
import { findRawHeader, makeRawPost, makeRawRequest, type RawAnswer, sendRaw } from "../../support/raw-http.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig } from "../../support/test-gateway.ts";

/** BARS.md C14: nothing between us and the client may keep an answer, and `Vary` names what an answer depends on. */
let upstream: ScriptedUpstream;
let gateway: GatewayProcess;
let key: string;
let disabled: string;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  const models = [
    "gpt-test",
    "x+status-400",
    "x+status-401",
    "x+status-429",
    "x+status-500",
    "x+drop-0",
    "x+drop-300",
    "x+gzip",
  ];
  gateway = await openGatewayProcess({
    // A breaker that opens in the middle would be a difference that no header made.
    config: models
      .map((name) => makeModelConfig(upstream.url, name, "retries = 0\ncircuit_breaker = { failures = 0 }"))
      .join("\n"),
  });
  key = (await gateway.makeKey()).text;
  const other = await gateway.makeKey();
  disabled = other.text;
  await gateway.call("POST", `/admin/api-keys/${other.publicId}/disable`, gateway.adminKey);
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

interface Call {
  name: string;
  method: string;
  path: string;
  bearer: string | null;
  body: string;
  lines: string[];
}

/** Every surface with every outcome that it has. */
function listCalls(): Call[] {
  const calls: Call[] = [];
  const add = (
    name: string,
    method: string,
    path: string,
    bearer: string | null,
    body = "",
    lines: string[] = [],
  ): void => void calls.push({ name, method, path, bearer, body, lines });
  const chat = (model: string, more: object = {}): string =>
    JSON.stringify({ model, messages: [{ role: "user", content: "x" }], prompt: "x", input: "x", ...more });
  for (const prefix of ["/v1", "/openai/v1"]) {
    for (const route of ["/chat/completions", "/completions", "/embeddings"]) {
      add("answer", "POST", prefix + route, key, chat("gpt-test"));
      add("bad JSON", "POST", prefix + route, key, "{");
      add("no model", "POST", prefix + route, key, chat("none"));
      add("compressed", "POST", prefix + route, key, chat("gpt-test"), ["Content-Encoding: gzip"]);
      add("get", "GET", prefix + route, key);
      add("unknown key", "POST", prefix + route, "x", chat("gpt-test"));
      add("disabled key", "POST", prefix + route, disabled, chat("gpt-test"));
      add("admin key", "POST", prefix + route, gateway.adminKey, chat("gpt-test"));
      add("two keys", "POST", prefix + route, key, chat("gpt-test"), [`X-Api-Key: ${disabled}`]);
      add("no key", "POST", prefix + route, null, chat("gpt-test"));
      add("preflight", "OPTIONS", prefix + route, null, "", [
        "Origin: http://app",
        "Access-Control-Request-Method: POST",
      ]);
    }
    add("stream", "POST", `${prefix}/chat/completions`, key, chat("gpt-test", { stream: true }));
    add("broken stream", "POST", `${prefix}/chat/completions`, key, chat("x+drop-300", { stream: true }));
    for (const model of ["x+status-400", "x+status-401", "x+status-429", "x+status-500", "x+drop-0", "x+gzip"]) {
      add(model, "POST", `${prefix}/chat/completions`, key, chat(model));
    }
    for (const path of ["/models", "/models/gpt-test", "/models/none", "/models/%", "/none", ""]) {
      for (const bearer of [key, gateway.adminKey, "x", null]) add(path, "GET", prefix + path, bearer);
    }
  }
  const admin: [string, string, string?][] = [
    ["GET", "/admin/api-keys"],
    ["GET", "/admin/api-keys/0123456789ab"],
    ["GET", "/admin/api-keys/x"],
    ["POST", "/admin/api-keys", "{}"],
    ["POST", "/admin/api-keys", '{"x":1}'],
    ["POST", "/admin/api-keys", "{"],
    ["DELETE", "/admin/api-keys/0123456789ab"],
    ["GET", "/admin/usage"],
    ["GET", "/admin/none"],
    ["GET", "/admin/openapi.json"],
    ["GET", "/trpc/keys.list"],
    ["GET", "/trpc/keys.list?input=%7B%7D"],
    ["GET", "/trpc/keys.list,usage.query?batch=1"],
    ["GET", "/trpc/none"],
    ["POST", "/trpc/keys.create", "{}"],
    ["POST", "/trpc/keys.create", "{"],
    ["POST", "/trpc/keys.list", "{}"],
  ];
  for (const [method, path, body = ""] of admin) {
    for (const bearer of [gateway.adminKey, key, disabled, "x", null]) add("admin", method, path, bearer, body);
  }
  for (const path of ["/metrics", "/status", "/health", "/readyz", "/none"]) add("operations", "GET", path, key);
  add("metrics from afar", "GET", "/metrics", gateway.adminKey, "", ["X-Forwarded-For: 10.0.0.1"]);
  add("metrics from afar", "GET", "/metrics", "x", "", ["X-Forwarded-For: 10.0.0.1"]);
  return calls;
}

async function send({ method, path, bearer, body, lines }: Call, more: readonly string[] = []): Promise<RawAnswer> {
  const all = [...(bearer === null ? [] : [`Authorization: Bearer ${bearer}`]), ...lines, ...more];
  const bytes =
    method === "POST"
      ? makeRawPost(path, all, body)
      : makeRawRequest([`${method} ${path} HTTP/1.1`, "Host: gateway", "Content-Length: 0", ...all]);
  const answer = await sendRaw(gateway.port, bytes);
  if (answer === null) throw new Error(`no answer to ${method} ${path}`);
  return answer;
}

function findFaults(answer: RawAnswer): string[] {
  const faults: string[] = [];
  const values = answer.rawHeaders.filter(([name]) => name.toLowerCase() === "cache-control").map(([, value]) => value);
  if (values.length !== 1 || values[0] !== "no-store") faults.push(`cache-control ${values.join(" and ")}`);
  for (const name of ["expires", "age", "last-modified", "pragma"]) {
    if (findRawHeader(answer, name) !== undefined) faults.push(name);
  }
  const origin = findRawHeader(answer, "access-control-allow-origin");
  if (origin !== undefined && origin !== "*" && !isVaried(answer, "origin")) faults.push("vary without origin");
  return faults;
}

function isVaried(answer: RawAnswer, name: string): boolean {
  return (findRawHeader(answer, "vary") ?? "")
    .toLowerCase()
    .split(/\s*,\s*/)
    .some((each) => each === name || each === "*");
}

/** What may differ between two answers to the same request, besides ids and times. */
function makeComparable(answer: RawAnswer): string {
  const names = answer.rawHeaders.map(([name]) => name.toLowerCase()).filter((name) => name !== "date");
  return `${answer.status} ${names.toSorted().join()} ${findRawHeader(answer, "content-type")}`;
}

test("every answer to a credential, good or bad, says no-store once", async () => {
  const calls = listCalls();
  const statuses = new Set<number>();
  const faults: string[] = [];
  for (const call of calls) {
    const answer = await send(call);
    statuses.add(answer.status);
    faults.push(
      ...findFaults(answer).map((fault) => `${call.name}: ${call.method} ${call.path} ${answer.status}: ${fault}`),
    );
  }
  console.info(`C14: ${calls.length} answers, statuses ${[...statuses].toSorted((a, b) => a - b).join(" ")}`);
  expect(calls.length).toBeGreaterThan(180);
  for (const status of [200, 201, 400, 401, 403, 404, 415, 422, 429, 502]) expect([...statuses]).toContain(status);
  expect(faults).toEqual([]);
}, 60_000);

test("an answer that depends on a header of the request names it in Vary", async () => {
  const variants: [name: string, line: string][] = [
    ["origin", "Origin: http://app.example"],
    ["accept", "Accept: text/html"],
    ["accept", "Accept: application/jsonl"],
    ["accept-encoding", "Accept-Encoding: gzip, br"],
    ["accept-language", "Accept-Language: de"],
    ["trpc-accept", "Trpc-Accept: application/jsonl"],
  ];
  const faults: string[] = [];
  let compared = 0;
  for (const call of listCalls().filter(
    ({ path, name }) => name !== "admin" || path.includes("keys.list") || path === "/admin/api-keys",
  )) {
    if (call.method === "POST" && call.path === "/admin/api-keys") continue;
    const plain = await send(call);
    for (const [name, line] of variants) {
      const varied = await send(call, [line]);
      compared++;
      if (makeComparable(varied) === makeComparable(plain)) continue;
      if (!isVaried(varied, name) || !isVaried(plain, name)) faults.push(`${call.method} ${call.path} by ${line}`);
    }
  }
  expect(compared).toBeGreaterThan(500);
  expect(faults).toEqual([]);
}, 90_000);

test("the check sees what is missing, said twice, weaker, or not varied", () => {
  const make = (...rawHeaders: [string, string][]): RawAnswer => ({
    status: 200,
    head: "",
    rawHeaders,
    body: Buffer.alloc(0),
  });
  expect(findFaults(make(["Cache-Control", "no-store"]))).toEqual([]);
  expect(findFaults(make())).toHaveLength(1);
  expect(findFaults(make(["cache-control", "no-store"], ["cache-control", "public"]))).toHaveLength(1);
  expect(findFaults(make(["cache-control", "no-cache"]))).toHaveLength(1);
  expect(findFaults(make(["cache-control", "no-store"], ["expires", "0"]))).toEqual(["expires"]);
  const reflected: [string, string] = ["access-control-allow-origin", "http://app"];
  expect(findFaults(make(["cache-control", "no-store"], reflected))).toEqual(["vary without origin"]);
  expect(findFaults(make(["cache-control", "no-store"], reflected, ["vary", "Accept, Origin"]))).toEqual([]);
});
