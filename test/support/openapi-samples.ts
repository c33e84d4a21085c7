import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { rateFields } from "../../server/core/flat-price.ts";
import type { ProviderConfig } from "../../server/platform/config.ts";
import type { AdminHarness } from "./admin-harness.ts";
import type { Operation, Samples } from "./openapi-requests.ts";

const tagNames = fc.constantFrom("customer_id", "team", "cost.center");
const instants = fc.integer({ min: 1, max: 300 }).map((days) => new Date(Date.now() + days * 86_400_000).toISOString());

/** Webhooks that are there, and messages of theirs that were given up. */
async function makeWebhooks(admin: AdminHarness, path: string): Promise<Samples> {
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
async function makeAlerts(admin: AdminHarness, path: string): Promise<Samples> {
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
async function makeJobs(admin: AdminHarness, path: string): Promise<Samples> {
  if (!path.startsWith("/jobs")) return {};
  const names = Array.from({ length: 150 }, () => `job-${randomUUID().replace(/[^a-z]/g, "")}`);
  await admin.test.database.sql`
    insert into job_state (job, queue, schedule) select n, 'none', '* * * * *' from unnest(${names}::text[]) n
    on conflict do nothing`;
  return { job: fc.constantFrom(...names) };
}

/** Budgets that were opened, and processes that nobody sees. */
async function makeLimits(admin: AdminHarness, path: string): Promise<Samples> {
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
async function makeCredentials(admin: AdminHarness, path: string): Promise<Samples> {
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

/** Values with which calls of an operation succeed; what they name is made. */
export async function makeOpenApiSamples(admin: AdminHarness, { path }: Operation): Promise<Samples> {
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
    ...(await makeLimits(admin, path)),
    ...(await makeCredentials(admin, path)),
    ...(await makeWebhooks(admin, path)),
    ...(await makeJobs(admin, path)),
    ...(await makeAlerts(admin, path)),
  };
}
