import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ProviderType, providerTypes } from "../../../server/core/provider-type.ts";
import { openGoogleTokenEndpoint } from "../../support/google-token-endpoint.ts";
import { fakeModels } from "../../support/provider-fake.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { openTrapListener, type TrapListener } from "../../support/trap-listener.ts";

/** BARS.md C5, for every provider type. */
const types = Object.keys(providerTypes).filter((type): type is ProviderType => type !== "echo");
const isVertex = (type: string): boolean => type.startsWith("gcp_vertex");
const providerKey = "sk-provider-canary-8Hq2LmTnB27Q9xWz";

interface Seen {
  path: string;
  host: string;
  /** Every header that could carry a credential. */
  credentials: string;
}

let server: Server;
let trap: TrapListener;
let gateway: TestGateway;
let key: string;
const seen: Seen[] = [];
/** Stands for Google's token endpoint, which is on the internet. */
const google = openGoogleTokenEndpoint();
const ownFetch = globalThis.fetch;

beforeAll(async () => {
  trap = await openTrapListener();
  server = createServer((request, response) => {
    const { headers, url = "" } = request;
    const authorization = (headers.authorization ?? "").replace(/\/\d{8}\/.*$/s, "");
    const rest = [headers["x-api-key"], headers["api-key"], headers["x-goog-api-key"]].join(",");
    seen.push({ path: url, host: headers.host ?? "", credentials: `${authorization},${rest}` });
    request.resume().on("end", () => {
      response.writeHead(400, { "content-type": "application/json" }).end('{"error":{"message":"no"}}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  globalThis.fetch = (input, init) =>
    String(input instanceof Request ? input.url : input).startsWith("https://oauth2.googleapis.com/")
      ? google.fetch(input, init)
      : ownFetch(input, init);
  const models = types.map((type) => {
    const isAws = type === "aws_bedrock";
    const base = isAws || isVertex(type) || type === "azure" ? url : `${url}/own`;
    const credential = isAws
      ? 'region = "us-east-1"\naccess_key_id = "env::MY_KEY"\nsecret_access_key = "env::MY_KEY"'
      : isVertex(type)
        ? 'location = "us-east5"\napi_key_location = "path::account.json"'
        : 'api_key_location = "env::MY_KEY"';
    return `
[models.${type}]
routing = ["own"]
[models.${type}.providers.own]
type = "${type}"
model_name = "${fakeModels[type] ?? "some-model"}"
api_base = "${base}"
retries = 0
circuit_breaker = { failures = 0 }
${credential}`;
  });
  gateway = await openTestGateway({
    config: (folder) => {
      writeFileSync(join(folder, "account.json"), google.account);
      return models.join("\n");
    },
    env: { MY_KEY: providerKey },
  });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  globalThis.fetch = ownFetch;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await trap.close();
});

const fields = [
  "api_base",
  "base_url",
  "api_key",
  "custom_host",
  "endpoint",
  "region",
  "location",
  "project",
  "project_id",
  "publisher",
  "organization",
  "extra_headers",
];
const headers = [
  "x-custom-host",
  "x-api-base",
  "x-target-url",
  "x-forwarded-host",
  "api-key",
  "x-goog-api-key",
  "x-goog-user-project",
];

async function call(type: ProviderType, more: object, extra: Record<string, string> = {}): Promise<Seen | undefined> {
  const before = seen.length;
  const body = { model: type, messages: [{ role: "user", content: "Hi" }], ...more };
  const answer = await gateway.call("/v1/chat/completions", body, key, { headers: extra });
  await answer.arrayBuffer();
  return seen[before];
}

test.each(types)("%s: nothing that a client sends chooses host, path or credential", async (type) => {
  const plain = await call(type, {});
  expect(plain?.host).toMatch(/^127\.0\.0\.1:\d+$/);
  expect(plain?.credentials).toContain(isVertex(type) ? google.tokens.at(-1) : providerKey);
  expect(plain?.path).toContain(isVertex(type) ? "/projects/test-project/locations/us-east5/publishers/" : "/");
  const hostile: unknown[] = [trap.url, { url: trap.url, authorization: "Bearer mine" }];
  let reached = 0;
  for (const value of hostile) {
    const sent = Object.fromEntries(fields.map((field) => [field, value]));
    for (const more of [sent, { extra_body: sent }, { stream: true, ...sent }]) {
      const found = await call(type, more);
      if (found === undefined) continue;
      reached++;
      // A stream has a path of its own at some.
      const isSame = found.path === plain?.path || "stream" in more;
      expect({ ...found, path: isSame ? plain?.path : found.path }).toEqual(plain);
    }
  }
  const told = Object.fromEntries(headers.map((name) => [name, trap.url]));
  expect(await call(type, {}, told)).toEqual(plain);
  expect(reached).toBeGreaterThan(0);
  expect(trap.connectionCount).toBe(0);
});

test("dynamic addresses are refused by the config, whatever the type", async () => {
  for (const type of types) {
    const config = `
[models.m]
routing = ["p"]
[models.m.providers.p]
type = "${type}"
api_base = "dynamic::base"
region = "dynamic::region"`;
    await expect(openTestGateway({ config }), type).rejects.toThrow(/a client never chooses the host/);
  }
});
