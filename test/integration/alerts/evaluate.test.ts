import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { handleEvaluateAlerts } from "../../../workers/jobs/evaluate-alerts.ts";
import { openWebhookHarness, type WebhookHarness } from "../../support/webhook-harness.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** A Monday, half past twelve. */
const startMs = Date.parse("2026-11-02T12:30:00Z");

let harness: WebhookHarness;
let hookId: string;
const sql = () => harness.admin.test.database.sql;
beforeAll(async () => {
  harness = await openWebhookHarness();
  for (const month of ["2026-08-01", "2026-09-01", "2026-10-01", "2026-11-01"]) {
    await sql()`select open_usage_rollups(${month}::date)`;
  }
});
afterAll(() => harness.close());
beforeEach(async () => {
  await sql()`delete from alert_rule`;
  await sql()`delete from webhook`;
  await sql()`delete from limit_rule`;
  await sql()`delete from budget_window`;
  await sql()`delete from usage_hour`;
  await sql()`delete from usage_refusal`;
  harness.receiver.received.length = 0;
  harness.clock.setMs(startMs);
  const made = await harness.admin.system.webhooks.create({ kind: "standard", name: "Ops", url: harness.receiver.url });
  hookId = made.id;
});

type RuleInput = Parameters<typeof harness.admin.system.alerts.createRule>[0];

async function makeRule(input: Omit<RuleInput, "name">) {
  return await harness.admin.system.alerts.createRule({ name: "Rule", webhooks: [hookId], ...input });
}

async function makeKey(more: object = {}): Promise<string> {
  const { id } = await harness.admin.makeKey(more);
  await sql()`update api_key set created_at = ${new Date(startMs - 200 * dayMs).toISOString()} where public_id = ${id}`;
  return id;
}

/** One look at everything, and everything that is told of it, as the receiver gets it. */
async function evaluate(atMs: number): Promise<{ type: string; title: string; data: Record<string, unknown> }[]> {
  harness.clock.setMs(atMs);
  const before = harness.receiver.received.length;
  const done = await handleEvaluateAlerts(harness.tools);
  expect(done.failed).toBe(0);
  await harness.deliver();
  return harness.receiver.received.slice(before).map(({ body }) => {
    const { type, data } = JSON.parse(body) as { type: string; data: Record<string, unknown> };
    return { type, title: String(data.title), data };
  });
}

async function setSpent(publicId: string, percent: number): Promise<void> {
  const [starts, ends] = [startMs - dayMs, startMs + 10 * dayMs].map((ms) => new Date(ms).toISOString());
  await sql()`
    insert into budget_window (window_id, level, subject, period, timezone, starts_at, ends_at, limit_nano_usd, terms_version,
      settled_nano_usd)
    values (${`key/${publicId}/month/0`}, 'key', ${publicId}, 'month', 'UTC', ${starts ?? ""}, ${ends ?? ""}, 10000000000, 1,
      ${percent * 100_000_000})
    on conflict (window_id) do update set settled_nano_usd = excluded.settled_nano_usd`;
}

/** Makes one hour of a key what it was. */
async function setHour(
  publicId: string,
  atMs: number,
  values: { requests?: number; nanoUsd?: number; unpriced?: number },
) {
  const model = values.unpriced === undefined ? "gpt-test" : "no-price";
  const [known] = await sql()<{ series_id: string }[]>`
    select series_id from usage_series where public_id = ${publicId} and model = ${model}`;
  const [series] =
    known === undefined
      ? await sql()<{ series_id: string }[]>`
          insert into usage_series (dims_hash, public_id, owner_id, model, provider, endpoint, status, code, origin, key_tags)
          values (0, ${publicId}, '', ${model}, 'openai', 'chat_completions', 200, '', '', '{}') returning series_id`
      : [known];
  const hour = new Date(Math.floor(atMs / hourMs) * hourMs).toISOString();
  await sql()`
    insert into usage_hour (hour, series_id, requests, errors, refusals, input_tokens, cached_input_tokens, cache_write_tokens,
      output_tokens, reasoning_tokens, input_audio_tokens, output_audio_tokens, cost_nano_usd, unpriced_requests, bytes_in,
      bytes_out)
    values (${hour}, ${series?.series_id ?? ""}, ${values.requests ?? values.unpriced ?? 0}, 0, 0, 0, 0, 0, 0, 0, 0, 0,
      ${values.nanoUsd ?? 0}, ${values.unpriced ?? 0}, 0, 0)
    on conflict (hour, series_id) do update set requests = excluded.requests, cost_nano_usd = excluded.cost_nano_usd,
      unpriced_requests = excluded.unpriced_requests`;
}

describe("budgets", () => {
  test("are told of at 50, 80 and 100 %, once each, and when a top-up ends it", async () => {
    const id = await makeKey({ alias: "acme" });
    await makeRule({ kind: "budget" });
    const told: string[] = [];
    for (const [minute, percent] of [0, 20, 49, 50, 60, 79, 80, 99, 100, 104].entries()) {
      await setSpent(id, percent);
      for (const { type, title } of await evaluate(startMs + minute * minuteMs))
        told.push(`${percent}: ${type}: ${title}`);
    }
    expect(told).toEqual([
      "50: alert.opened: 50 % of the budget of key acme is spent",
      "80: alert.escalated: 80 % of the budget of key acme is spent",
      "100: alert.escalated: 100 % of the budget of key acme is spent",
    ]);
    await sql()`update budget_window set extra_nano_usd = 90000000000`;
    const over = await evaluate(startMs + 20 * minuteMs);
    expect(over.map(({ type }) => type)).toEqual(["alert.resolved"]);
    const { incidents } = await harness.admin.system.alerts.listIncidents({ public_id: id });
    expect(incidents).toMatchObject([{ state: "resolved", level: 2, announced: true, facts: { Alias: "acme" } }]);
  });

  test("that jump to 100 % are told of once, and are over when their period is", async () => {
    const id = await makeKey();
    await makeRule({ kind: "budget" });
    await setSpent(id, 130);
    expect((await evaluate(startMs)).map(({ data }) => data.threshold)).toEqual([100]);
    expect((await evaluate(startMs + 11 * dayMs)).map(({ type }) => type)).toEqual(["alert.resolved"]);
  });

  test("of other keys than the rule names are not told of", async () => {
    const [mine, other] = [await makeKey({ tags: { team: "a" } }), await makeKey({ tags: { team: "b" } })];
    await makeRule({ kind: "budget", scope: { tag_key: "team", tag_value: "a" } });
    await setSpent(mine, 90);
    await setSpent(other, 90);
    expect((await evaluate(startMs)).map(({ data }) => data.public_id)).toEqual([mine]);
  });

  test("that are overspent are told of with the amount", async () => {
    const id = await makeKey({ alias: "debtor" });
    await makeRule({ kind: "debt", minimum_usd: "1" });
    await setSpent(id, 105);
    expect(await evaluate(startMs)).toEqual([]);
    await setSpent(id, 125);
    expect((await evaluate(startMs + minuteMs)).map(({ title }) => title)).toEqual([
      "The budget of key debtor is overspent by 2.5 USD",
    ]);
  });
});

test("keys that end are told of 14, 3 and 1 days ahead, until they are prolonged", async () => {
  const id = await makeKey({ alias: "ending" });
  const endMs = startMs + 20 * dayMs;
  await sql()`update api_key set expires_at = ${new Date(endMs).toISOString()} where public_id = ${id}`;
  await makeRule({ kind: "expiry", scope: { public_id: id } });
  const told: string[] = [];
  for (let hours = 0; hours < 20 * 24 - 12; hours += 6) {
    for (const { type, title } of await evaluate(startMs + hours * hourMs))
      told.push(`${hours / 24}: ${type}: ${title}`);
  }
  expect(told).toEqual([
    "6: alert.opened: The key ending ends within 14 days",
    "17: alert.escalated: The key ending ends within 3 days",
    "19: alert.escalated: The key ending ends within 1 day",
  ]);
  await sql()`update api_key set expires_at = ${new Date(endMs + 90 * dayMs).toISOString()} where public_id = ${id}`;
  expect((await evaluate(endMs - hourMs)).map(({ type }) => type)).toEqual(["alert.resolved"]);
});

describe("spikes", () => {
  /** Eight weeks in which every Monday noon costs about 10 USD, and every other hour about 1. */
  async function makeHistory(id: string): Promise<void> {
    for (let week = 1; week <= 8; week += 1) {
      await setHour(id, startMs - week * 7 * dayMs, { requests: 1_000 + week * 10, nanoUsd: 10e9 + week * 1e8 });
    }
    for (let day = 1; day <= 28; day += 1) {
      if (day % 7 !== 0) await setHour(id, startMs - day * dayMs, { requests: 100, nanoUsd: 1e9 });
    }
  }

  test("are what is unusual for the key at this hour of the week, not what is much", async () => {
    const id = await makeKey({ alias: "weekly" });
    await makeHistory(id);
    await makeRule({ kind: "spike", measure: "spend" });
    await setHour(id, startMs, { requests: 1_100, nanoUsd: 11e9 });
    expect(await evaluate(startMs)).toEqual([]);
    await setHour(id, startMs, { requests: 5_000, nanoUsd: 50e9 });
    const told = await evaluate(startMs + minuteMs);
    expect(told).toMatchObject([{ type: "alert.opened", title: "Unusual spend of the key weekly" }]);
    expect(told[0]?.data.facts).toMatchObject({ Now: "50 USD", Usual: "10.45 USD" });
    // The same 11 USD on a Tuesday, of which 1 is usual; the hour of the week has been idle for eight weeks but for these four.
    const tuesdayMs = startMs + dayMs;
    for (let week = 1; week <= 8; week += 1) await setHour(id, tuesdayMs - week * 7 * dayMs, { nanoUsd: 1e9 });
    expect((await evaluate(tuesdayMs - hourMs)).map(({ type }) => type)).toEqual(["alert.resolved"]);
    await setHour(id, tuesdayMs, { requests: 1_100, nanoUsd: 11e9 });
    expect((await evaluate(tuesdayMs)).map(({ type }) => type)).toEqual(["alert.opened"]);
  });

  test("end an hour after the last of them, and are one incident", async () => {
    const id = await makeKey();
    await makeHistory(id);
    await makeRule({ kind: "spike", measure: "requests" });
    await setHour(id, startMs, { requests: 9_000 });
    const told: string[] = [];
    for (let minute = 0; minute < 150; minute += 5) {
      for (const { type } of await evaluate(startMs + minute * minuteMs)) told.push(`${minute}: ${type}`);
    }
    // The hour ends at minute 30 and is looked at for five minutes more; after an hour it is over.
    // The clock goes on within each look, so that an hour may be over a look earlier or later.
    expect(told).toEqual(["0: alert.opened", expect.stringMatching(/^(90|95): alert\.resolved$/)]);
  });

  test("are not told of for a key that is too young to have a usual, nor below the minimum", async () => {
    const young = await makeKey();
    await sql()`update api_key set created_at = ${new Date(startMs - 2 * dayMs).toISOString()} where public_id = ${young}`;
    const small = await makeKey();
    for (let week = 1; week <= 8; week += 1)
      await setHour(small, startMs - week * 7 * dayMs, { requests: 1, nanoUsd: 1e6 });
    await makeRule({ kind: "spike", measure: "spend" });
    await setHour(young, startMs, { requests: 9_000, nanoUsd: 90e9 });
    await setHour(small, startMs, { requests: 9_000, nanoUsd: 9e8 });
    expect(await evaluate(startMs)).toEqual([]);
  });
});

test("calls without a price are told of by their model", async () => {
  const id = await makeKey();
  await makeRule({ kind: "unpriced", minimum_count: 3 });
  await setHour(id, startMs, { unpriced: 2 });
  expect(await evaluate(startMs)).toEqual([]);
  await setHour(id, startMs, { unpriced: 3 });
  const told = await evaluate(startMs + minuteMs);
  expect(told).toMatchObject([{ title: "Calls of the model no-price have no price", data: { public_id: null } }]);
});

test("calls with a secret that was rotated out are told of, and those with other keys that are refused are not", async () => {
  const rotated = await makeKey({ alias: "rotated" });
  const expired = await makeKey();
  await sql()`update api_key set rotated_at = ${new Date(startMs - dayMs).toISOString()} where public_id = any(${[rotated, expired]}::text[])`;
  await sql()`update api_key set state = 'expired' where public_id = ${expired}`;
  await makeRule({ kind: "rotated_secret" });
  for (const [position, id] of [rotated, expired].entries()) {
    await sql()`
      insert into usage_refusal (process, batch, position, hour, public_id, owner_id, model, endpoint, status, code, origin,
        refusals)
      values ('test', 1, ${position}, ${new Date(startMs - 30 * minuteMs).toISOString()}, ${id}, '', '', '', 401,
        'expired_api_key', '', 7)`;
  }
  const told = await evaluate(startMs);
  expect(told).toMatchObject([{ title: "Somebody still uses an old secret of the key rotated" }]);
  expect(told[0]?.data.facts).toMatchObject({ "Calls refused": "7" });
});

describe("actions", () => {
  test("disable a key at the highest threshold, once, as an operator does, and audited", async () => {
    const id = await makeKey();
    await makeRule({ kind: "budget", action: "disable" });
    await setSpent(id, 85);
    await evaluate(startMs);
    expect((await harness.admin.system.keys.get({ public_id: id })).state).toBe("active");
    await setSpent(id, 100);
    await evaluate(startMs + minuteMs);
    expect(await harness.admin.system.keys.get({ public_id: id })).toMatchObject({
      state: "disabled",
      operator_hold: true,
    });
    const { entries } = await harness.admin.system.audit.list({ object: id, actor: "system:evaluate-alerts" });
    expect(entries).toMatchObject([{ action: "keys.disable", after: { state: "disabled" } }]);
    await harness.admin.system.keys.enable({ public_id: id });
    await evaluate(startMs + 2 * minuteMs);
    expect((await harness.admin.system.keys.get({ public_id: id })).state).toBe("active");
  });

  test("throttle a key with a rate rule of its own, which goes when the incident is over", async () => {
    const id = await makeKey();
    await makeRule({ kind: "budget", thresholds: [90], action: "throttle", throttle_requests_per_minute: 5 });
    await setSpent(id, 95);
    await evaluate(startMs);
    const { rules } = await harness.admin.system.rules.list({});
    expect(rules).toMatchObject([
      { priority: null, limits: { requests_per_minute: 5 }, scope: [{ api_key_public_id: id }] },
    ]);
    await evaluate(startMs + minuteMs);
    expect((await harness.admin.system.rules.list({})).rules).toHaveLength(1);
    await setSpent(id, 10);
    await evaluate(startMs + 2 * minuteMs);
    expect((await harness.admin.system.rules.list({})).rules).toEqual([]);
    const { entries } = await harness.admin.system.audit.list({
      actor: "system:evaluate-alerts",
      object: "limit_rule",
    });
    expect(entries.map(({ action }) => action).sort()).toEqual(["rules.create", "rules.delete"]);
  });
});

test("five evaluations at once open, tell and act once", async () => {
  const ids = await Promise.all(Array.from({ length: 20 }, () => makeKey()));
  await makeRule({ kind: "budget", action: "disable" });
  for (const id of ids) await setSpent(id, 100);
  await Promise.all(Array.from({ length: 5 }, () => handleEvaluateAlerts(harness.tools)));
  await harness.deliver();
  expect(harness.receiver.received).toHaveLength(20);
  const { incidents } = await harness.admin.system.alerts.listIncidents({ limit: 200 });
  expect(incidents).toHaveLength(20);
  const { entries } = await harness.admin.system.audit.list({
    action: "keys.disable",
    actor: "system:evaluate-alerts",
    limit: 200,
  });
  expect(entries.filter(({ object_id: id }) => ids.includes(id))).toHaveLength(20);
});

test("a rule is tested, acknowledged, switched off and refused as it should be", async () => {
  const { system } = harness.admin;
  const rule = await makeRule({ kind: "budget" });
  const { deliveries } = await system.alerts.testRule({ rule_id: rule.id });
  expect(deliveries).toMatchObject([{ webhook_id: hookId, event: "alert.test", state: "pending" }]);
  const id = await makeKey();
  await setSpent(id, 60);
  const told = await evaluate(startMs + minuteMs);
  expect(told.map(({ type }) => type).sort()).toEqual(["alert.opened", "alert.test"]);
  const { incidents } = await system.alerts.listIncidents({ state: "open" });
  const incident = incidents[0]?.id ?? "";
  expect(await system.alerts.acknowledge({ incident_id: incident })).toMatchObject({ acknowledged_by: "system" });
  await expect(system.alerts.acknowledge({ incident_id: incident })).rejects.toThrow(
    "acknowledged the incident already",
  );
  await system.alerts.updateRule({ rule_id: rule.id, enabled: false });
  await setSpent(id, 100);
  expect(await evaluate(startMs + 2 * minuteMs)).toEqual([]);
  const invalid = "Some fields are not valid.";
  await expect(makeRule({ kind: "spike", action: "throttle" })).rejects.toThrow(invalid);
  await expect(makeRule({ kind: "unpriced", action: "disable" })).rejects.toThrow(invalid);
  await expect(system.alerts.createRule({ kind: "debt", name: "x", webhooks: ["hook_none"] })).rejects.toThrow(invalid);
});
