import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findCanaries } from "../../support/canary-scan.ts";
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { dumpDatabase, readFolder } from "../../support/stored-places.ts";
import { makeModelConfig } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

/** BARS.md A7 (and E1's part of it): what is written down holds no secret, in no spelling. */
const prompt = randomBytes(24).toString("base64url");
const password = randomBytes(24).toString("base64url");
const providerKey = `sk-canary+${randomBytes(24).toString("base64url")}/=x`;
let upstream: ScriptedUpstream;
let gateway: GatewayProcess;
let folder: string;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  folder = mkdtempSync(join(tmpdir(), "tollgate-test-"));
  writeFileSync(join(folder, "provider-key"), providerKey);
  const models = ["gpt-test", "x+status-401", "x+status-429", "x+drop-0", "x+drop-200"].map((name) =>
    makeModelConfig(upstream.url, name, "retries = 0").replace(
      'api_key_location = "none"',
      `api_key_location = "path::${join(folder, "provider-key")}"`,
    ),
  );
  gateway = await openGatewayProcess({ config: models.join("\n"), env: { TOLLGATE_LOG_LEVEL: "trace" } });
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

test("neither database, journal, log nor metrics hold a key, a provider's key or a secret of the process", async () => {
  let first = await gateway.makeKey({ tags: { team: "a" } });
  // It is sent in an origin too, which is lower case and is kept: a piece without capitals would be found there.
  while (/[^A-Z]{12}/.test(first.text.slice(-48))) first = await gateway.makeKey({ tags: { team: "a" } });
  const keys = [first, await gateway.makeKey(), await gateway.makeKey()];
  const [used, revoked, unused] = keys.map(({ text }) => text) as [string, string, string];
  // The banner shows the first keys once; what is written after it is searched.
  const bannerEnd = gateway.output().length;
  const messages = [{ role: "user", content: `Keep this to yourself: ${prompt}` }];
  let calls = 0;
  const answers: string[] = [];
  const call = async (path: string, key: string | null, body: unknown, headers: Record<string, string> = {}) => {
    calls++;
    const response = await fetch(gateway.url + path, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        "content-type": "application/json",
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...headers,
      },
      body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
    });
    answers.push(`${JSON.stringify([...response.headers])} ${await response.text().catch(() => "")}`);
    return response.status;
  };
  expect(await call("/v1/chat/completions", used, { model: "gpt-test", messages })).toBe(200);
  expect(await call("/v1/chat/completions", used, { model: "gpt-test", messages, stream: true })).toBe(200);
  for (const model of ["x+status-401", "x+status-429", "x+drop-0", "x+drop-200", "none", `openai::${used}`, used]) {
    await call("/v1/chat/completions", used, { model, messages, stream: model === "x+drop-200" });
  }
  // A key where it does not belong must not be written down from there either.
  await call(`/v1/chat/completions?api_key=${used}`, used, { model: "gpt-test", messages });
  await call(`/v1/${used}`, used, undefined);
  await call(`/v1/models/${used}`, used, undefined);
  await call(`/admin/api-keys/${used}`, gateway.adminKey, undefined);
  await call(`/${used}?key=${used}`, null, undefined);
  await call("/v1/chat/completions", used, `{"model":"${used}`);
  await call(
    "/v1/chat/completions",
    used,
    { model: "gpt-test", messages },
    { cookie: `session=${used}`, "x-api-key": revoked },
  );
  await call("/v1/chat/completions", used, { model: "gpt-test", messages }, { origin: `http://${used.toLowerCase()}` });
  await call("/v1/chat/completions", `${unused}x`, { model: "gpt-test", messages });
  await call("/v1/chat/completions", unused.slice(0, -1), { model: "gpt-test", messages });
  await call("/admin/api-keys", gateway.adminKey, { name: 7, permissions: [used] });
  await call("/trpc/keys.create", gateway.adminKey, { [used]: used });
  await call("/v1/chat/completions", revoked, { model: "gpt-test", messages });
  const revokedId = keys[1]?.publicId ?? "";
  expect((await gateway.call("DELETE", `/admin/api-keys/${revokedId}`, gateway.adminKey)).status).toBe(204);
  await waitUntil(
    async () => (await call("/v1/chat/completions", revoked, { model: "gpt-test", messages })) === 401,
    "the revocation",
  );

  const account = { name: "Ann", email: "ann@example.com", password };
  const page = { origin: gateway.url };
  expect(await call("/api/auth/sign-up/email", null, account, page)).toBe(200);
  expect(await call("/api/auth/sign-in/email", null, account, page)).toBe(200);
  expect(await call("/api/auth/sign-in/email", null, { ...account, email: password }, page)).toBeGreaterThan(399);

  // BARS.md D8: whatever can be asked for, with every permission. (Keys come back from the call that makes them alone.)
  const document = await (await gateway.call("GET", "/admin/openapi.json", gateway.adminKey)).json();
  const questions = Object.entries((document as { paths: Record<string, object> }).paths)
    // The stream of events has no end that could be waited for.
    .filter(([path, operations]) => "get" in operations && !path.endsWith("/stream"))
    .map(([path]) => `/admin${path}`.replaceAll(/\{[a-z_]+\}/g, keys[0]?.publicId ?? ""));
  for (const path of [
    "/v1/models",
    "/v1/key",
    "/v1/usage",
    "/status",
    "/health",
    "/readyz",
    "/metrics",
    ...questions,
  ]) {
    await call(path, gateway.adminKey, undefined);
  }
  expect(questions.length).toBeGreaterThan(4);

  const { sql } = gateway.database.database;
  await waitUntil(
    async () => Number((await sql`select count(*) as n from usage_event`)[0]?.n) >= 5,
    "events in the database",
  );
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  await waitUntil(() => gateway.output().slice(bannerEnd).includes('"request"'), "the access log");
  const places: Record<string, string> = {
    ...(await dumpDatabase(sql)),
    ...readFolder(gateway.dataDir),
    "the log": gateway.output().slice(bannerEnd),
    metrics,
    statements: gateway.tap.statements.join("\n"),
  };
  expect(Object.keys(places).filter((place) => place.startsWith("table ")).length).toBeGreaterThan(3);
  expect(Object.keys(places).some((place) => place.includes("journal"))).toBe(true);
  expect(places["table public.api_key"]).toContain(keys[0]?.publicId);
  expect(places["the log"]?.length).toBeGreaterThan(1_000);

  const canaries: Record<string, string> = {
    "admin key": gateway.adminKey.slice(-48),
    "used key": used.slice(-48),
    "revoked key": revoked.slice(-48),
    "unused key": unused.slice(-48),
    "provider key": providerKey,
    prompt,
    password,
    ...gateway.secrets,
  };
  const bytes = Object.values(places).reduce((sum, text) => sum + text.length, 0);
  console.info(
    `A7: ${Object.keys(canaries).length} secrets, ${Object.keys(places).length} places, ${bytes} bytes, ${calls} calls`,
  );
  expect(findCanaries(canaries, places)).toEqual([]);
  // What a client sent may come back to it in an error, such as the name of a model that there is not.
  const { "used key": _used, "revoked key": _revoked, ...kept } = canaries;
  expect(answers.length).toBeGreaterThan(25);
  expect(findCanaries(kept, { answers: answers.join("\n") })).toEqual([]);
  // The secrets were in use: the provider got its key.
  expect(upstream.log.some(({ rawHeaders }) => rawHeaders.includes(`Bearer ${providerKey}`))).toBe(true);
}, 60_000);

test("the scan finds a planted secret in every spelling, and one that was cut", async () => {
  const { sql } = gateway.database.database;
  const secret = randomBytes(30).toString("base64url");
  const plants: Record<string, string> = {
    plain: secret,
    hex: Buffer.from(secret).toString("hex"),
    bytea: `\\x${Buffer.from(`x${secret}`).toString("hex")}`,
    base64: Buffer.from(secret).toString("base64"),
    "base64 of a longer text": Buffer.from(`Bearer ${secret}!`).toString("base64url"),
    "url-encoded": [...Buffer.from(secret)].map((byte) => `%${byte.toString(16)}`).join(""),
    "a piece": `…${secret.slice(7, 19)}…`,
  };
  await sql`create table planted (note text)`;
  for (const [name, text] of Object.entries(plants)) {
    expect(findCanaries({ secret }, { [name]: `before ${text} after` }), name).toHaveLength(1);
    await sql`truncate planted`;
    await sql`insert into planted values (${text})`;
    expect(findCanaries({ secret }, await dumpDatabase(sql)), name).toMatchObject([{ place: "table public.planted" }]);
  }
  await sql`drop table planted`;
  expect(findCanaries({ secret }, { "eleven characters": secret.slice(0, 11) })).toEqual([]);
});
