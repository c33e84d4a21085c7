import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { NewApiKey } from "../../../db/queries/insert-api-key.ts";
import { listClientOrigins } from "../../../db/queries/list-client-origins.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { openStatementTap, type StatementTap } from "../../support/statement-tap.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

const messages = [{ role: "user", content: "Say something." }];
const app = "https://app.example";
let upstream: ScriptedUpstream;
let database: TestDatabase;
let tap: StatementTap;
let gateway: TestGateway;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  database = await openTestDatabase();
  tap = await openStatementTap(database.url);
  gateway = await openTestGateway({ config: makeModelConfig(upstream.url), database, databaseUrl: tap.url });
});
afterAll(async () => {
  await gateway.close();
  await tap.close();
  await database.close();
  await upstream.close();
});

const makeClientKey = (origins: string[], more: Partial<NewApiKey> = {}) =>
  gateway.makeKey({ type: "client", allowedOrigins: origins, ...more });

function preflight(origin: string, path = "/v1/chat/completions", headers: Record<string, string> = {}) {
  return fetch(gateway.url + path, {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "POST", ...headers },
  });
}

const corsHeaders = (response: Response): string[] =>
  [...response.headers.keys()].filter((name) => name.startsWith("access-control-"));

async function expectAllowed(origin: string, isAllowed: boolean): Promise<void> {
  // At most as old as a key may be.
  await waitUntil(
    async () => (await preflight(origin)).status === (isAllowed ? 204 : 403),
    `${origin} is ${isAllowed ? "" : "not "}allowed`,
    1_000,
  );
}

const readOrigins = (): number => tap.statements.filter((text) => text.includes("unnest(allowed_origins)")).length;

describe("a preflight", () => {
  it("is allowed from the origins of live client keys, and tells what the SDKs need", async () => {
    await makeClientKey([app, "https://*.wild.example"]);
    await expectAllowed(app, true);
    for (const path of ["/v1/chat/completions", "/openai/v1/chat/completions", "/v1/embeddings", "/v1/completions"]) {
      const response = await preflight(app, path, {
        "access-control-request-headers":
          "Authorization, content-type,x-stainless-lang, x-stainless-retry-count,anthropic-version,anthropic-dangerous-direct-browser-access,x-api-key,x-tollgate-tags,openai-beta,user-agent, x-evil, cookie,",
      });
      expect([path, response.status, await response.text()]).toEqual([path, 204, ""]);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "access-control-allow-origin": app,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers":
          "authorization, content-type, x-stainless-lang, x-stainless-retry-count, anthropic-version, anthropic-dangerous-direct-browser-access, x-api-key, x-tollgate-tags, openai-beta, user-agent",
        "access-control-max-age": "600",
        vary: "origin",
      });
      expect(response.headers.get("access-control-allow-credentials")).toBeNull();
    }
    for (const path of ["/v1/models", "/v1/models/x", "/v1/key", "/v1/usage"]) {
      const response = await preflight(app, path, { "access-control-request-method": "GET" });
      expect([path, response.status, response.headers.get("access-control-allow-methods")]).toEqual([path, 204, "GET"]);
    }
    expect((await preflight("https://a.b.wild.example")).headers.get("access-control-allow-origin")).toBe(
      "https://a.b.wild.example",
    );
  });

  it.each([
    "https://other.example",
    "http://app.example",
    "https://app.example:8443",
    "https://app.example.evil",
    "https://wild.example",
    "https://evilwild.example",
    "http://x.wild.example",
    "https://x.wild.example:1",
    "null",
    "*",
    "https://*.wild.example.",
    `https://${"a.".repeat(4_000)}wild.example`,
  ])("from %.40s: 403 without a word of CORS", async (origin) => {
    await expectAllowed(app, true);
    const response = await preflight(origin);
    expect([response.status, corsHeaders(response)]).toEqual([403, []]);
    expect(await response.json()).toMatchObject({ error: { code: "origin_not_allowed" } });
  });

  it("opens nothing: routes that are for no page, and OPTIONS that is no preflight, need a key", async () => {
    for (const path of ["/v1/none", "/v1/", "/v1/keys/forward-auth", "/v1/chat/completions/", "/v1/Chat/completions"]) {
      expect([path, (await preflight(app, path)).status]).toEqual([path, 401]);
    }
    const plain = await fetch(`${gateway.url}/v1/chat/completions`, { method: "OPTIONS", headers: { origin: app } });
    expect(plain.status).toBe(401);
  });

  it("counts live client keys only, by the clock, within a second of a change", async () => {
    const { sql } = gateway.database.database;
    for (const [name, more] of [
      ["production", { type: "production" }],
      ["disabled", { state: "disabled" }],
      ["ended", { expiresAt: new Date(Date.now() - 1_000) }],
    ] as [string, Partial<NewApiKey>][]) {
      await makeClientKey([`https://${name}.example`], more);
    }
    const { publicId } = await makeClientKey(["https://changing.example"]);
    await expectAllowed("https://changing.example", true);
    for (const name of ["production", "disabled", "ended"]) {
      expect([name, (await preflight(`https://${name}.example`)).status]).toEqual([name, 403]);
    }
    await sql`update api_key set state = 'disabled' where public_id = ${publicId}`;
    await expectAllowed("https://changing.example", false);
    await sql`update api_key set state = 'active', allowed_origins = '{https://changed.example}' where public_id = ${publicId}`;
    await expectAllowed("https://changed.example", true);
    await expectAllowed("https://changing.example", false);
    // Nothing is notified when a key comes to its end.
    await sql`update api_key set expires_at = now() + interval '2 seconds' where public_id = ${publicId}`;
    await expectAllowed("https://changed.example", true);
    await waitUntil(async () => (await preflight("https://changed.example")).status === 403, "the end", 5_000);
    const origins = (await listClientOrigins(sql)).map(({ origin }) => origin).sort();
    expect(origins).toEqual(["https://*.wild.example", app]);
  });

  it("asks the store once for all, and at most four times a second while thousands of keys change", async () => {
    await expectAllowed(app, true);
    const before = readOrigins();
    const unchanged = await Promise.all(Array.from({ length: 200 }, () => preflight(app)));
    expect(unchanged.map((response) => response.status)).toEqual(unchanged.map(() => 204));
    expect(readOrigins() - before).toBeLessThanOrEqual(1);

    const { sql } = gateway.database.database;
    await sql`insert into api_key (public_id, alias, type, permissions, models, allowed_origins, created_by)
      select 'bulk' || lpad(n::text, 8, '0'), 'bulk-' || n, 'client', '{ai:inference}', '{*}', array['https://bulk' || n || '.example'], 'system'
      from generate_series(1, 3000) n`;
    const startedMs = performance.now();
    let asked = 0;
    for (let round = 0; round < 30; round++) {
      await sql`update api_key set version = version + 1 where public_id like 'bulk%' and public_id like ${`%${round % 10}`}`;
      const answers = await Promise.all(
        Array.from({ length: 10 }, () => preflight(`https://bulk${round + 1}.example`)),
      );
      asked += answers.length;
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    const reads = readOrigins() - before;
    console.info(`CORS: 9,000 changes and ${asked} preflights in ${seconds.toFixed(2)} s, ${reads} reads`);
    expect(reads).toBeGreaterThan(0);
    expect(reads).toBeLessThanOrEqual(2 + seconds * 4);
    await expectAllowed("https://bulk3000.example", true);
  });
});

describe("an answer", () => {
  const call = (key: string, body: object, headers: Record<string, string>, path = "/v1/chat/completions") =>
    gateway.call(path, { model: "gpt-test", messages, ...body }, key, { headers });

  function expectReadable(response: Response, status: number, origin: string): void {
    expect([response.status, response.headers.get("access-control-allow-origin")]).toEqual([status, origin]);
    expect(response.headers.get("access-control-expose-headers")).toMatch(
      /^x-request-id, .*x-ratelimit-remaining-tokens/,
    );
    expect(response.headers.get("vary")).toBe("origin");
  }

  it("names the origin that its own key allows: success, stream, error of ours and of the provider", async () => {
    const { text } = await makeClientKey([app]);
    const origin = { origin: app };
    for (const [body, status] of [
      [{}, 200],
      [{ stream: true }, 200],
      [{ model: "none" }, 404],
      [{ model: 5 }, 400],
      [{ model: "gpt-test", n: 1000 }, 400],
    ] as const) {
      const response = await call(text, body, origin);
      expectReadable(response, status, app);
      await response.text();
    }
    for (const path of ["/v1/models", "/v1/models/gpt-test", "/v1/key", "/v1/usage"]) {
      const response = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${text}`, ...origin } });
      expectReadable(response, 200, app);
    }
    const denied = await makeClientKey([app], { permissions: ["vec:read"] });
    expectReadable(await call(denied.text, {}, origin), 403, app);
  });

  it("is for no page without an Origin, from another one, and with a key that is for none", async () => {
    const { text } = await makeClientKey([app]);
    const elsewhere = await makeClientKey(["https://elsewhere.example"]);
    const plain = await gateway.makeKey();
    for (const [key, headers, status] of [
      [text, {}, 403],
      [text, { origin: "https://evil.example" }, 403],
      // Another client key allows it; this one does not.
      [elsewhere.text, { origin: app }, 403],
      [plain.text, { origin: app }, 200],
    ] as const) {
      const response = await call(key, {}, headers);
      expect([response.status, corsHeaders(response)]).toEqual([status, []]);
      const body = (await response.json()) as { error?: { code: string } };
      expect(body.error?.code).toBe(status === 403 ? "origin_not_allowed" : undefined);
    }
  });

  it("says why a key is refused to pages that client keys serve, and to no other", async () => {
    await makeClientKey([app]);
    const revoked = await makeClientKey([app], { state: "revoked" });
    await expectAllowed(app, true);
    const response = await call(revoked.text, {}, { origin: app });
    expectReadable(response, 401, app);
    expect(await response.json()).toMatchObject({ error: { code: "revoked_api_key" } });
    const other = await call(revoked.text, {}, { origin: "https://evil.example" });
    expect([other.status, corsHeaders(other)]).toEqual([401, []]);
  });

  it("is refused to a client key without any origin", async () => {
    const { text } = await gateway.makeKey({ type: "client" });
    for (const headers of [{}, { origin: app }] as Record<string, string>[]) {
      const response = await call(text, {}, headers);
      expect([response.status, corsHeaders(response)]).toEqual([403, []]);
      await response.text();
    }
  });
});
