import { createHash, randomUUID } from "node:crypto";
import { expireKeys } from "../../db/queries/expire-keys.ts";
import { insertUsageEvents } from "../../db/queries/insert-usage-events.ts";
import { Secret } from "../../server/core/secret.ts";
import { makeFirstKeys } from "../../server/keys/first-keys.ts";
import type { ProviderConfig } from "../../server/platform/config.ts";
import type { AdminHarness } from "./admin-harness.ts";
import { makeUsageEvent } from "./make-usage-event.ts";

/** One change that the audit log must tell of. */
export interface MutationCase {
  /**
   * Makes what the change needs.
   *
   * @returns the input of the procedure, and the ids of the objects that it changes, where they are known before.
   */
  prepare(harness: AdminHarness): Promise<{ input: unknown; objectIds?: readonly string[] }>;
}

async function makeOne(harness: AdminHarness, more: Record<string, unknown> = {}) {
  const { id } = await harness.makeKey();
  return { input: { public_id: id, ...more }, objectIds: [id] };
}

let users = 0;
async function makeUser(harness: AdminHarness, more: Record<string, unknown> = {}) {
  const { id } = await harness.system.users.create({ email: `user-${++users}@example.com`, password: "correct horse" });
  return { input: { user_id: id, ...more }, objectIds: [id] };
}

let credentials = 0;
async function makeCredential(harness: AdminHarness, more: Record<string, unknown> = {}) {
  const name = `credential-${++credentials}`;
  await harness.system.credentials.create({ name, secret: "sk-before" });
  return { input: { credential_name: name, ...more }, objectIds: [name] };
}

/** A budget of which half is spent. */
async function makeWindow(harness: AdminHarness): Promise<string> {
  const { id } = await harness.makeKey({ budgets: [{ limit_usd: "10", period: "total" }] });
  const { window_id } = await harness.system.limits.topUp({ public_id: id, amount_usd: "1" });
  await harness.test.database.sql`
    update budget_window set settled_nano_usd = 5000000000 where window_id = ${window_id}`;
  return window_id;
}

/** What these change is in the memory of a process, and no row. */
export const rowlessMutations: ReadonlySet<string> = new Set(["config.reload"]);
/** A webhook, and a message to it that was given up. */
async function makeWebhook({ system, test }: AdminHarness): Promise<{ webhook_id: string; delivery_id: string }> {
  const { id } = await system.webhooks.create({ kind: "standard", name: "Hook", url: "https://93.184.215.14/hook" });
  const delivery = `msg_${randomUUID().replaceAll("-", "")}`;
  await test.database.sql`
    insert into webhook_delivery (id, webhook_id, event, body, state, created_at, due_at, give_up_at)
    values (${delivery}, ${id}, 'webhook.test', '{}', 'parked', now(), now(), now())`;
  return { webhook_id: id, delivery_id: delivery };
}

async function makeWebhookCase(harness: AdminHarness, more: Record<string, unknown> = {}) {
  const { webhook_id: id } = await makeWebhook(harness);
  return { input: { webhook_id: id, ...more }, objectIds: [id] };
}

async function makeAlertCase(harness: AdminHarness, more: Record<string, unknown> = {}) {
  const { webhook_id } = await makeWebhook(harness);
  const { id } = await harness.system.alerts.createRule({ kind: "budget", name: "Rule", webhooks: [webhook_id] });
  return { input: { rule_id: id, ...more }, objectIds: [id] };
}

/** By the name of the procedure. A procedure that changes something and has no case here fails `mutations.test.ts`. */
export const mutationCases: Readonly<Record<string, MutationCase>> = {
  "keys.create": { prepare: async () => ({ input: { name: "Made", tags: { team: "a" } } }) },
  "keys.update": { prepare: (harness) => makeOne(harness, { name: "Changed", tags: { team: "b" } }) },
  "keys.disable": { prepare: makeOne },
  "keys.enable": {
    async prepare(harness) {
      const made = await makeOne(harness);
      await harness.system.keys.disable(made.input);
      return made;
    },
  },
  "keys.revoke": { prepare: makeOne },
  "keys.rotate": { prepare: makeOne },
  "keys.finishRotation": {
    async prepare(harness) {
      const made = await makeOne(harness);
      await harness.system.keys.rotate(made.input);
      return made;
    },
  },
  "keys.import": {
    async prepare() {
      const hash = createHash("sha256").update(`imported ${Math.random()}`).digest("hex");
      return { input: { keys: [{ format: "opaque", hash, name: "Imported" }] } };
    },
  },
  "keys.bulk": {
    async prepare(harness) {
      const keys = [await harness.makeKey(), await harness.makeKey()];
      const objectIds = keys.map(({ id }) => id);
      return { input: { action: "disable", public_ids: objectIds }, objectIds };
    },
  },
  "keys.leaked": {
    async prepare(harness) {
      const { text, id } = await harness.makeKey();
      return { input: { keys: [text] }, objectIds: [id] };
    },
  },
  "limits.topUp": {
    async prepare(harness) {
      const id = await makeWindow(harness);
      return { input: { window_id: id, amount_usd: "2.5" }, objectIds: [id] };
    },
  },
  "limits.reset": {
    async prepare(harness) {
      const id = await makeWindow(harness);
      return { input: { window_id: id }, objectIds: [id] };
    },
  },
  "limits.writeOff": {
    async prepare({ test }) {
      const process = randomUUID();
      await test.database.sql`
        insert into budget_process (process, seen_at) values (${process}, now() - interval '1 hour')`;
      return { input: { process }, objectIds: [process] };
    },
  },
  "credentials.create": {
    async prepare() {
      const name = `made-${++credentials}`;
      return { input: { name, secret: "sk-made", description: "For tests" }, objectIds: [name] };
    },
  },
  "credentials.update": { prepare: (harness) => makeCredential(harness, { secret: "sk-changed" }) },
  "credentials.delete": { prepare: (harness) => makeCredential(harness) },
  "credentials.test": {
    async prepare(harness) {
      const made = await makeCredential(harness, { model: "openai::gpt-test" });
      await harness.makeKey({ provider_credentials: { openai: made.input.credential_name } });
      const shorthand = { name: "openai", type: "openai", lateCredential: null, awsKeys: null } as ProviderConfig;
      harness.context.config.shorthands = new Map([["openai", shorthand]]);
      return made;
    },
  },
  "credentials.rotateSealKey": {
    async prepare(harness) {
      const { config } = harness.context;
      const newest = { version: 2, value: new Secret("n".repeat(48)) };
      const [oldest] = config.sealKeys.filter(({ version }) => version === 1);
      if (oldest === undefined) throw new Error("there is a first seal key");
      config.sealKeys = [oldest];
      await makeCredential(harness);
      config.sealKeys = [newest, oldest];
      return { input: {} };
    },
  },
  "users.create": {
    prepare: async () => ({ input: { email: `user-${++users}@example.com`, password: "correct horse" } }),
  },
  "users.update": {
    async prepare(harness) {
      // Of the ten keys of the plan `pro` only two fit into `free`; the others are disabled, each with its own entry.
      const { input, objectIds } = await makeUser(harness);
      const userId = input.user_id;
      await harness.system.users.update({ user_id: userId, plan: "pro" });
      const keys = [];
      for (let made = 0; made < 4; made += 1) keys.push(await harness.makeKey({ owner_id: userId }));
      const last = keys.slice(0, 2).map(({ id }) => id);
      for (const { id } of keys.slice(2))
        await harness.test.database.sql`update api_key set last_used_at = now() where public_id = ${id}`;
      return { input: { user_id: userId, plan: "free" }, objectIds: [...objectIds, ...last] };
    },
  },
  "users.disable": { prepare: makeUser },
  "users.enable": {
    async prepare(harness) {
      const made = await makeUser(harness);
      await harness.system.users.disable(made.input);
      return made;
    },
  },
  "users.delete": {
    async prepare(harness) {
      const made = await makeUser(harness);
      const { id } = await harness.makeKey({ owner_id: made.input.user_id });
      return { ...made, objectIds: [...made.objectIds, id] };
    },
  },
  "rules.create": {
    prepare: async () => ({ input: { priority: 1, limits: { requests_per_minute: 5 } } }),
  },
  "rules.update": {
    async prepare({ system }) {
      const { id } = await system.rules.create({ priority: 1, limits: { requests_per_minute: 5 } });
      return { input: { rule_id: id, always: true, limits: { cost_per_day: "1.5" } }, objectIds: [id] };
    },
  },
  "rules.delete": {
    async prepare({ system }) {
      const { id } = await system.rules.create({ always: true, limits: { requests_per_minute: 5 } });
      return { input: { rule_id: id }, objectIds: [id] };
    },
  },
  "budgets.create": { prepare: async () => ({ input: { limit_usd: "10", period: "30d" } }) },
  "budgets.update": {
    async prepare({ system }) {
      const { id } = await system.budgets.create({ limit_usd: "10", period: "month", timezone: "Europe/Berlin" });
      return { input: { budget_id: id, limit_usd: "20", period: "7d" }, objectIds: [id] };
    },
  },
  "budgets.delete": {
    async prepare({ system }) {
      const { id } = await system.budgets.create({ limit_usd: "10", period: "total" });
      return { input: { budget_id: id }, objectIds: [id] };
    },
  },
  "config.reload": { prepare: async () => ({ input: {} }) },
  "prices.put": {
    async prepare({ system }) {
      const price = { model: "audited", input_usd_per_million: "1", output_usd_per_million: "2" };
      const { id } = await system.prices.put(price);
      return { input: { ...price, input_usd_per_million: "1.5" }, objectIds: [id] };
    },
  },
  "prices.delete": {
    async prepare({ system }) {
      const price = { model: "deleted", input_usd_per_million: "1", output_usd_per_million: "2" };
      const { id } = await system.prices.put(price);
      return { input: { price_id: id }, objectIds: [id] };
    },
  },
  "alerts.createRule": {
    prepare: async () => ({ input: { kind: "budget", name: "Made", quiet_hours: { from: "22:00", to: "07:00" } } }),
  },
  "alerts.updateRule": { prepare: (harness) => makeAlertCase(harness, { name: "Changed", thresholds: [90] }) },
  "alerts.deleteRule": { prepare: makeAlertCase },
  "alerts.testRule": { prepare: makeAlertCase },
  "alerts.acknowledge": {
    async prepare(harness) {
      const { objectIds } = await makeAlertCase(harness);
      const id = `inc_${randomUUID().replaceAll("-", "")}`;
      await harness.test.database.sql`
        insert into alert_incident (id, rule_id, subject, title, details, level, opened_at, seen_at)
        values (${id}, ${objectIds[0] ?? ""}, 'x', 'x', '{}', 0, now(), now())`;
      return { input: { incident_id: id }, objectIds: [id] };
    },
  },
  "jobs.run": {
    async prepare({ test }) {
      const job = `job-${randomUUID().replace(/[^a-z]/g, "")}`;
      await test.database.sql`insert into job_state (job, queue, schedule) values (${job}, 'none', '* * * * *')`;
      return { input: { job }, objectIds: [job] };
    },
  },
  "webhooks.create": {
    prepare: async () => ({ input: { kind: "standard", name: "Made", url: "https://93.184.215.14/hook?token=1" } }),
  },
  "webhooks.update": { prepare: (harness) => makeWebhookCase(harness, { name: "Changed", enabled: false }) },
  "webhooks.delete": { prepare: makeWebhookCase },
  "webhooks.rotateSecret": { prepare: makeWebhookCase },
  "webhooks.test": {
    async prepare(harness) {
      const { webhook_id } = await makeWebhook(harness);
      return { input: { webhook_id } };
    },
  },
  "webhooks.replay": {
    async prepare(harness) {
      const input = await makeWebhook(harness);
      return { input, objectIds: [input.delivery_id] };
    },
  },
  "webhooks.replayParked": { prepare: makeWebhookCase },
  "usage.reconcile": {
    async prepare({ test: { database } }) {
      // An event whose batch is said to be in the hours, and is not.
      await insertUsageEvents(database.sql, "lost", [makeUsageEvent(Date.now())]);
      await database.sql`update usage_part set merged_at = now() where process = 'lost' and merged_at is null`;
      return { input: { days: 1 }, objectIds: ["books"] };
    },
  },
  "usage.rerate": { prepare: async () => ({ input: { from: "2026-01-01T00:00:00Z", models: ["none"] } }) },
  "users.invite": {
    async prepare() {
      const email = `user-${++users}@example.com`;
      return { input: { email }, objectIds: [email] };
    },
  },
};

/** A change that no procedure makes. */
export interface OtherMutation {
  name: string;
  action: string;
  actor: string;
  /** Makes what the change needs, and gives the change. */
  prepare(harness: AdminHarness): Promise<() => Promise<unknown>>;
}

export const otherMutations: readonly OtherMutation[] = [
  {
    name: "the job expire-keys",
    action: "keys.expire",
    actor: "system:expire-keys",
    async prepare(harness) {
      const { sql } = harness.test.database;
      const { id } = await harness.makeKey();
      await sql`update api_key set expires_at = now() - interval '1 hour' where public_id = ${id}`;
      return () => expireKeys(sql, 100);
    },
  },
  {
    name: "the first keys",
    action: "keys.create",
    actor: "system",
    async prepare({ context, test }) {
      await test.database.sql`delete from api_key`;
      return () => makeFirstKeys(context.config, context.database, context.clock);
    },
  },
];
