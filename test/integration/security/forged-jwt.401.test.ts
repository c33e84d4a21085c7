import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeForgedJwt } from "../../support/forged-jwt.ts";
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";
import { makeRawRequest, type PipelinedRequest, sendPipelined } from "../../support/raw-http.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";

/** BARS.md B8. There are no JWTs here: each is just a key that nobody was given. */
const count = 10_000;
const paths = ["/v1/models", "/v1/key", "/v1/usage", "/v1/keys/forward-auth", "/admin/api-keys", "/admin/usage"];

interface ForgedRequest extends PipelinedRequest {
  kind: string;
}

async function sendForged(port: number, seed: number, publicId: string) {
  const random = makeSeededRandom(seed);
  const statuses: Record<string, number> = {};
  const kinds: Record<string, number> = {};
  const bodies = new Set<string>();
  const requests = function* (): Generator<ForgedRequest> {
    for (let index = 0; index < count; index++) {
      const { kind, text } = makeForgedJwt(random, publicId);
      const path = random.pick(paths);
      const lines = [`GET ${path} HTTP/1.1`, "Host: gateway", "Content-Length: 0", `Authorization: Bearer ${text}`];
      yield { kind, bytes: makeRawRequest(lines), alone: false };
    }
  };
  await sendPipelined(port, requests(), ({ kind }, answer) => {
    const status = String(answer?.status ?? "none");
    statuses[status] = (statuses[status] ?? 0) + 1;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    bodies.add(answer?.body.toString() ?? "");
  });
  return { statuses, kinds, bodies: [...bodies] };
}

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await openGatewayProcess({ keepOutput: false });
});
afterAll(() => gateway.close());

test(`${count} forged tokens in the form of a JWT are unknown keys: 401, the same words, no query`, async () => {
  const { seed } = makeSeededRandom();
  const { publicId } = await gateway.makeKey({ permissions: ["*"] });
  const before = gateway.tap.statements.length;
  const { statuses, kinds, bodies } = await sendForged(gateway.port, seed, publicId);
  console.info(`B8 seed ${seed}: ${JSON.stringify({ statuses, kinds })}`);
  expect(statuses).toEqual({ "401": count });
  expect(Object.keys(kinds)).toHaveLength(8);
  expect(bodies.map((body) => JSON.parse(body).error.code)).toEqual(bodies.map(() => "invalid_api_key"));
  expect(new Set(bodies.map((body) => JSON.parse(body).error.message)).size).toBe(1);
  const asked = gateway.tap.statements.slice(before).filter((text) => text.includes("api_key_secret"));
  expect(asked).toEqual([]);

  const random = makeSeededRandom(seed);
  for (let index = 0; index < 200; index++) {
    const { text } = makeForgedJwt(random, publicId);
    const response = await gateway.call("POST", "/v1/keys/verify", gateway.adminKey, { key: text });
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([200, "NOT_FOUND"]);
  }
}, 120_000);

test("a server that believes an unsigned token is found out", async () => {
  const server = createServer((request, response) => {
    const [header = ""] = request.headers.authorization?.slice(7).split(".") ?? [];
    const { alg } = JSON.parse(Buffer.from(header, "base64url").toString()) as { alg: string };
    response.statusCode = alg.toLowerCase() === "none" ? 200 : 401;
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { statuses } = await sendForged((server.address() as AddressInfo).port, 7, "0123456789ab");
  server.closeAllConnections();
  server.close();
  expect(statuses["200"]).toBeGreaterThan(1_000);
});
