import { randomUUID } from "node:crypto";
import type { ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeOpenApiDocument } from "../../server/admin/openapi-document.ts";
import { examples } from "../../server/admin/openapi-examples.ts";
import { rateFields } from "../../server/core/flat-price.ts";
import type { ProviderConfig } from "../../server/platform/config.ts";
import { type AdminHarness, openAdminHarness } from "../support/admin-harness.ts";
import { type AdminAnswer, sendAdminRequest } from "../support/admin-operation.ts";
import { makeInvalidRequest } from "../support/openapi-faults.ts";
import {
  listOperations,
  makeRequest,
  makeValidRequests,
  type Operation,
  type RequestParts,
  type Samples,
} from "../support/openapi-requests.ts";
import { runBatches } from "../support/run-batches.ts";
import { makeSeededRandom } from "../support/seeded-random.ts";

/** BARS.md I4 and I5. */
const count = process.env.TEST_TIER === "full" ? 10_000 : 30;
const { seed } = makeSeededRandom();
const document = makeOpenApiDocument("0.0.0", "");
const operations = listOperations(document).map((each) => ({ ...each, id: each.operation.operationId }));

const ajv = new Ajv2020({ strict: false, validateFormats: true });
addFormats.default(ajv);
const compiled = new Map<unknown, ValidateFunction>();
function compile(schema: Record<string, unknown>): ValidateFunction {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const error = document.components.schemas.Error;
  const made = ajv.compile(schema.$ref === "#/components/schemas/Error" && error !== undefined ? error : schema);
  compiled.set(schema, made);
  return made;
}

/** What is wrong with an answer by the document; empty where nothing is. */
function findProblem({ operation }: Operation, { status, headers, text }: AdminAnswer): string {
  if (status >= 500) return `${status}: ${text}`;
  const documented = operation.responses[String(status)];
  if (documented === undefined) return `${status} is not documented: ${text}`;
  const schema = documented.content?.["application/json"]?.schema;
  if (schema === undefined) return text === "" ? "" : `${status} has a body: ${text}`;
  if (headers.get("content-type") !== "application/json; charset=utf-8") return "the media type is another";
  const validate = compile(schema);
  return validate(JSON.parse(text)) ? "" : `${status}: ${ajv.errorsText(validate.errors)}: ${text}`;
}

let admin: AdminHarness;
let root: Record<string, string>;
beforeAll(async () => {
  admin = await openAdminHarness();
  // Nothing that is made here outlives it: a key gives no more time than it has.
  const expiresAt = new Date(Date.now() + 364 * 86_400_000).toISOString();
  root = { authorization: `Bearer ${(await admin.makeKey({ permissions: ["*"], expires_at: expiresAt })).text}` };
});
afterAll(() => admin.close());

const tagNames = fc.constantFrom("customer_id", "team", "cost.center");
const instants = fc.integer({ min: 1, max: 300 }).map((days) => new Date(Date.now() + days * 86_400_000).toISOString());

/** Webhooks that are there, and messages of theirs that were given up. */
async function makeWebhooks(path: string): Promise<Samples> {
  if (!path.startsWith("/webhooks")) return {};
  const isReplay = path.endsWith("/replay");
  const made = await Promise.all(
    Array.from({ length: isReplay ? 1 : 20 }, () =>
      admin.system.webhooks.create({ kind: "standard", name: "Sample", url: "https://93.184.215.14/" }),
    ),
  );
  const rows = await admin.test.database.sql<{ id: string }[]>`
    insert into webhook_delivery (id, webhook_id, event, body, state, created_at, due_at, give_up_at)
    select 'msg_' || replace(gen_random_uuid()::text, '-', ''), ${made[0]?.id ?? ""}, 'webhook.test', '{}', 'parked', now(), now(), now()
    from generate_series(1, ${isReplay ? 150 : 1}) returning id`;
  return {
    to: fc.constant(["team@example.com"]),
    webhook_id: fc.constantFrom(...made.map(({ id }) => id)),
    delivery_id: fc.constantFrom(...rows.map(({ id }) => id)),
    kind: fc.constantFrom("standard", "slack"),
    url: fc.constantFrom("https://93.184.215.14/hook", "https://[2606:4700:4700::1111]/?token=1"),
  };
}

/** Alert rules with a webhook, and incidents. */
async function makeAlerts(path: string): Promise<Samples> {
  if (!path.startsWith("/alerts")) return {};
  const hook = await admin.system.webhooks.create({ kind: "standard", name: "Sample", url: "https://93.184.215.14/" });
  const rules = await Promise.all(
    Array.from({ length: 20 }, () =>
      admin.system.alerts.createRule({
        kind: "expiry",
        name: "Sample",
        webhooks: [hook.id],
        scope: { owner_id: "nobody" },
      }),
    ),
  );
  const rows = await admin.test.database.sql<{ id: string }[]>`
    insert into alert_incident (id, rule_id, subject, title, details, level, opened_at, seen_at)
    select 'inc_' || replace(gen_random_uuid()::text, '-', ''), ${rules[0]?.id ?? ""}, n::text, 'x', '{}', 0, now(), now()
    from generate_series(1, 150) n returning id`;
  return {
    rule_id: fc.constantFrom(...rules.map(({ id }) => id)),
    incident_id: fc.constantFrom(...rows.map(({ id }) => id)),
    scope: fc.constantFrom({}, { owner_id: "acme" }, { tag_key: "team", tag_value: "a" }),
    webhooks: fc.constantFrom([], [hook.id]),
    quiet_hours: fc.constantFrom(null, { from: "22:00", to: "07:00", timezone: "Europe/Berlin" }),
    minimum_usd: fc.constantFrom("1", 0.5),
    action: fc.constantFrom("none", "disable"),
  };
}

/** Jobs that no worker knows. */
async function makeJobs(path: string): Promise<Samples> {
  if (!path.startsWith("/jobs")) return {};
  const names = Array.from({ length: 150 }, () => `job-${randomUUID().replace(/[^a-z]/g, "")}`);
  await admin.test.database.sql`
    insert into job_state (job, queue, schedule) select n, 'none', '* * * * *' from unnest(${names}::text[]) n
    on conflict do nothing`;
  return { job: fc.constantFrom(...names) };
}

/** Budgets that were opened, and processes that nobody sees. */
async function makeLimits(path: string): Promise<Samples> {
  if (!path.startsWith("/limits")) return {};
  const { sql } = admin.test.database;
  const windows = await Promise.all(
    Array.from({ length: 10 }, async () => {
      const { id } = await admin.makeKey({ budgets: [{ limit_usd: "10", period: "day" }] });
      return await admin.system.limits.topUp({ public_id: id, amount_usd: "1" });
    }),
  );
  const processes = Array.from({ length: 200 }, () => randomUUID());
  await sql`
    insert into budget_process (process, seen_at) select p, now() - interval '1 hour' from unnest(${processes}::text[]) p`;
  return {
    window_id: fc.constantFrom(...windows.map((window) => window.window_id)),
    public_id: fc.constantFrom(...windows.map((window) => window.subject)),
    period: fc.constant("day"),
    timezone: fc.constant("UTC"),
    amount_usd: fc.constantFrom("1", 0.5),
    process: fc.constantFrom(...processes),
    subject: fc.constantFrom(...windows.map((window) => window.subject)),
  };
}

/** Stored credentials, each pinned at a provider that answers. */
async function makeCredentials(path: string): Promise<Samples> {
  if (!path.startsWith("/credentials")) return {};
  const given = { name: "openai", type: "openai", modelName: null, apiBase: null, retriesMax: 0 } as const;
  const credentials = { credential: null, credentialMissing: null, lateCredential: null, awsKeys: null };
  const shorthand = { ...given, ...credentials } as ProviderConfig;
  admin.context.config.shorthands = new Map([["openai", shorthand]]);
  const names: string[] = [];
  for (let count = 0; count < (path.includes("{") ? 20 : 0); count++) {
    const name = `c-${randomUUID()}`;
    await admin.system.credentials.create({ name, secret: "sk-of-a-test" });
    if (path.endsWith("/test")) await admin.makeKey({ provider_credentials: { openai: name } });
    names.push(name);
  }
  return {
    credential_name: fc.constantFrom(...names, "none"),
    name: fc.uuid().map((id) => `c-${id}`),
    secret: fc.stringMatching(/^sk-[a-z0-9]{16}$/),
    model: fc.constant("openai::gpt-test"),
  };
}

/** Values with which calls succeed. */
async function makeSamples({ path }: Operation): Promise<Samples> {
  const keys = await Promise.all(Array.from({ length: 20 }, () => admin.makeKey()));
  const users = await Promise.all(
    Array.from({ length: path.includes("{user_id}") ? 6 : 0 }, () =>
      admin.system.users.create({ email: `${randomUUID()}@example.com` }),
    ),
  );
  const limitIds = async (kind: "rules" | "budgets"): Promise<string[]> => {
    if (!path.startsWith(`/limits/${kind}/{`)) return [];
    const make = () =>
      kind === "rules"
        ? admin.system.rules.create({
            priority: 1,
            limits: { requests_per_day: 1_000_000 },
            scope: [{ origin: "http://a" }],
          })
        : admin.system.budgets.create({ limit_usd: 1_000, period: "30d" });
    return await Promise.all(Array.from({ length: 20 }, async () => (await make()).id));
  };
  const priceIds = path.startsWith("/prices/{")
    ? await Promise.all(
        Array.from({ length: 20 }, async () => {
          const rates = { input_usd_per_million: "1", output_usd_per_million: "2" };
          return (await admin.system.prices.put({ model: randomUUID(), ...rates })).id;
        }),
      )
    : [];
  const runIds = path.startsWith("/usage/rerate/{")
    ? [(await admin.system.usage.rerate({ from: "2026-01-01T00:00:00Z" })).run?.run_id ?? 0]
    : [];
  const keyIds = fc.constantFrom(...keys.map(({ id }) => id), "zzzzzzzzzzzz");
  return {
    public_id: keyIds,
    public_ids: fc.array(keyIds, { minLength: 1, maxLength: 3 }),
    user_id: fc.constantFrom(...users.map(({ id }) => id), "nobody"),
    rule_id: fc.constantFrom(...(await limitIds("rules")), "rule_none"),
    budget_id: fc.constantFrom(...(await limitIds("budgets")), "budget_none"),
    ...Object.fromEntries(Object.values(rateFields).map((name) => [name, fc.constantFrom("1", "0.000000001", 2.5)])),
    ...(path === "/prices" ? { model: fc.constantFrom("one", "openai::gpt-5-mini") } : {}),
    price_id: fc.constantFrom(...priceIds, "price_none"),
    run_id: fc.constantFrom(...runIds, 999_999_999),
    limits: fc.constantFrom({ requests_per_minute: 5 }, { cost_per_day: "2.5", tokens_per_hour: 7 }),
    scope: path.startsWith("/limits/rules")
      ? fc.constantFrom([], [{ api_key_public_id: "tensorzero::each" }], [{ tag_key: "team", tag_value: "a" }])
      : fc.constantFrom({ owner_id: "tensorzero::each" }, { tag_key: "team", tag_value: "a" }),
    period: fc.constantFrom("30d", "day", "week", "month", "total"),
    email: fc.uuid().map((id) => `${id}@example.com`),
    plan: fc.constantFrom("free", "pro"),
    password: fc.stringMatching(/^[a-z0-9]{16}$/),
    alias: fc.stringMatching(/^[a-z]{12}$/),
    permissions: fc.subarray(["ai:inference", "vec:*", "admin:usage"]),
    models: fc.subarray(["*", "openai::*", "!openai::o1"]),
    tags: fc.dictionary(tagNames, fc.string({ unit: "grapheme-ascii", maxLength: 20 }), { maxKeys: 2 }),
    tag: fc.dictionary(tagNames, fc.string({ unit: "grapheme-ascii", maxLength: 20 }), { maxKeys: 2 }),
    limit_usd: fc.oneof(fc.constantFrom("1", "0.000000001", "25.50"), fc.integer({ min: 0, max: 1_000 })),
    timezone: fc.constantFrom("UTC", "Europe/Berlin", "Asia/Kolkata"),
    rate_limits: fc.constantFrom({}, { requests_per_minute: 10 }, { concurrent_requests: 2, cost_per_day: 1.5 }),
    allowed_ips: fc.subarray(["10.0.0.0/8", "2001:db8::1"]),
    allowed_origins: fc.subarray(["https://app.example.com", "https://*.example.org"]),
    expires_at: instants,
    expiration: instants,
    owner_id: fc.constantFrom("acme", null),
    type: fc.constantFrom("production", "development"),
    hash: fc.stringMatching(/^[0-9a-f]{64}$/),
    overlap: fc.constantFrom("0", "90s", "24h"),
    group_by: fc.constantFrom("key", "model,status", ["owner", "tag:team"]),
    from: fc.constantFrom("2026-01-01", "2026-05-05T00:00:00Z"),
    to: fc.constantFrom("2027-01-01", "2027-05-05T00:00:00Z"),
    "If-Match": fc.constantFrom(1, 2, 3),
    ...(await makeLimits(path)),
    ...(await makeCredentials(path)),
    ...(await makeWebhooks(path)),
    ...(await makeJobs(path)),
    ...(await makeAlerts(path)),
  };
}

/** Sends requests, sixteen at a time. @returns how often each status came, and what was wrong. */
async function sendAll(operation: Operation, requests: readonly { parts: RequestParts; fault?: string }[]) {
  const statuses: Record<number, number> = {};
  const problems: string[] = [];
  await runBatches(requests, 16, async ({ parts, fault }) => {
    const request = makeRequest(operation, parts);
    const answer = await sendAdminRequest(admin.url, request, root);
    statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
    const problem = findProblem(operation, answer);
    if (problem !== "") problems.push(`${JSON.stringify(request)} -> ${problem}`);
    if (fault !== undefined && answer.status < 400) problems.push(`${fault} accepted: ${JSON.stringify(request)}`);
  });
  console.info(`I4 seed ${seed} ${operation.operation.operationId}: ${JSON.stringify(statuses)}`);
  return { statuses, problems };
}

describe("the document", () => {
  it("says of each operation what it is, what it takes and what it answers", () => {
    expect(document.openapi).toBe("3.1.0");
    expect(operations.length).toBeGreaterThan(8);
    expect(new Set(operations.map(({ id }) => id)).size).toBe(operations.length);
    for (const { operation, path } of operations) {
      expect(operation.operationId).toMatch(/^[a-z][A-Za-z]+$/);
      expect(operation.summary.length).toBeGreaterThan(5);
      expect(operation.tags).toHaveLength(1);
      const parameters = operation.parameters ?? [];
      expect(
        parameters.filter(({ description }) => description.length < 5).map(({ name }) => `${path} ${name}`),
      ).toEqual([]);
      expect(parameters.filter(({ in: place }) => place === "path").map(({ name }) => `{${name}}`)).toEqual(
        path.match(/\{[a-z_]+\}/g) ?? [],
      );
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(response.description).not.toBe("");
        const schema = response.content?.["application/json"]?.schema;
        expect([status, Object.keys(schema ?? {}).length > 0]).toEqual([status, status !== "204"]);
      }
    }
  });

  it("its examples are what their schemas say", () => {
    let looked = 0;
    for (const [id, { requests, answers }] of Object.entries(examples)) {
      const { operation } = operations.find((each) => each.id === id) as Operation;
      const body = operation.requestBody?.content["application/json"]?.schema ?? {};
      const answer = operation.responses["201"]?.content?.["application/json"]?.schema ?? {};
      const check = (schema: Record<string, unknown>, value: unknown) => {
        const validate = compile(schema);
        validate(value);
        expect(validate.errors ?? []).toEqual([]);
      };
      for (const { value } of Object.values(requests)) check(body, value);
      for (const { value } of Object.values(answers)) check(answer, value);
      looked += Object.keys(requests).length + Object.keys(answers).length;
    }
    expect(looked).toBeGreaterThan(0);
  });
});

describe(`${count} generated requests per operation`, () => {
  it.each(operations)(
    "$id: valid ones are answered as documented",
    async (operation) => {
      // Hashing a password takes a tenth of a second, on purpose.
      const body = operation.operation.requestBody?.content["application/json"]?.schema;
      const numRuns = "password" in (body?.properties ?? {}) ? Math.ceil(count / 5) : count;
      const generated = fc.sample(makeValidRequests(operation, await makeSamples(operation)), { numRuns, seed });
      const { statuses, problems } = await sendAll(
        operation,
        generated.map((parts) => ({ parts })),
      );
      expect(problems.slice(0, 3)).toEqual([]);
      const succeeded = [200, 201, 202, 204].reduce((sum, status) => sum + (statuses[status] ?? 0), 0);
      // Nobody is deleted twice, and of some fields only one may be given.
      expect(succeeded).toBeGreaterThan(operation.id === "deleteUser" ? 3 : numRuns / 50);
    },
    3_600_000,
  );

  it.each(operations)(
    "$id: invalid ones are refused as documented",
    async (operation) => {
      const random = makeSeededRandom(seed);
      const generated = fc.sample(makeValidRequests(operation, await makeSamples(operation)), { numRuns: count, seed });
      const broken = generated.map((parts) => makeInvalidRequest(operation, parts, random, compile));
      const { statuses, problems } = await sendAll(operation, broken);
      expect(problems.slice(0, 3)).toEqual([]);
      expect(Object.values(statuses).reduce((sum, each) => sum + each, 0)).toBe(count);
    },
    3_600_000,
  );

  it.each(operations)("$id: without or with wrong credentials none succeeds", async (operation) => {
    const inference = (await admin.makeKey({ permissions: ["ai:*"] })).text;
    const wrong: [string, Record<string, string>][] = [
      ["nothing", {}],
      ["no key", { authorization: "Bearer " }],
      ["a key that is none", { authorization: "Bearer prod_zzzzzzzzzzzz_0" }],
      ["another scheme", { authorization: `Basic ${Buffer.from("admin:admin").toString("base64")}` }],
      ["a cookie", { cookie: "better-auth.session_token=x.y; session=admin" }],
      ["an inference key", { authorization: `Bearer ${inference}` }],
      ["a header of a proxy", { "x-forwarded-user": "admin", "x-remote-user": "root", "x-api-key": inference }],
    ];
    const [parts] = fc.sample(makeValidRequests(operation, await makeSamples(operation)), { numRuns: 1, seed });
    if (parts === undefined) throw new Error("no request was generated");
    for (const [title, headers] of wrong) {
      const answer = await sendAdminRequest(admin.url, makeRequest(operation, parts), headers);
      expect([title, answer.status < 400, findProblem(operation, answer)]).toEqual([title, false, ""]);
    }
  });

  it("the check sees an answer that is not documented, and one with a field too many", () => {
    const operation = operations.find(({ id }) => id === "getApiKey") as Operation;
    const headers = new Headers({ "content-type": "application/json; charset=utf-8" });
    const error = { message: "m", type: "t", param: null, code: "not_found" };
    const answer = (status: number, value: unknown) => ({ status, headers, text: JSON.stringify(value) });
    expect(findProblem(operation, answer(404, { error }))).toBe("");
    expect(findProblem(operation, answer(418, { error }))).toContain("not documented");
    expect(findProblem(operation, answer(404, { error: { ...error, stack: "at …" } }))).toContain("additional");
    expect(findProblem(operation, answer(200, { public_id: "x", digest: "y" }))).not.toBe("");
  });
});
