import { randomBytes } from "node:crypto";
import { insertUsageEvents } from "../../db/queries/insert-usage-events.ts";
import type { PublicId } from "../../server/core/api-key.ts";
import type { GatewayProcess } from "./gateway-process.ts";
import { makeUsageEvent } from "./make-usage-event.ts";
import { joinTexts } from "./script-payloads.ts";

/** Things that hold texts of people, by what pages need to find them. */
export interface StoredTexts {
  publicIds: string[];
  webhookId: string;
}

/** Runs some at once: a gateway answers one at a time as quickly as eight. */
async function forEach<Item>(
  items: readonly Item[],
  work: (item: Item, index: number) => Promise<void>,
): Promise<void> {
  for (let first = 0; first < items.length; first += 8) {
    await Promise.all(items.slice(first, first + 8).map((item, at) => work(item, first + at)));
  }
}

/**
 * Puts texts into every string that somebody else than the operator can write: each text at least once where it is long enough,
 * several in one string.
 *
 * @param isBrief each text only in the long strings, and a tenth of them in the short ones.
 */
export async function insertStoredTexts(
  gateway: GatewayProcess,
  texts: readonly string[],
  isBrief: boolean,
): Promise<StoredTexts> {
  const { sql } = gateway.database.database;
  const post = async (path: string, body: unknown, method = "POST"): Promise<Record<string, unknown>> => {
    const answer = await gateway.call(method, `/admin${path}`, gateway.adminKey, body);
    if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}\n${JSON.stringify(body)}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  const shorten = (lengthMax: number): string[] =>
    joinTexts(isBrief ? texts.filter((_, index) => index % 10 === 0) : texts, lengthMax);
  const publicIds: string[] = [];

  const long = joinTexts(texts, 1_900);
  const names = shorten(200);
  await forEach(long, async (description, index) => {
    const name = names[index] ?? texts[0];
    const tag = shorten(256)[index] ?? name;
    const models = [(texts[index] ?? "x").replaceAll(/\s/g, "")];
    const key = await gateway.makeKey({ alias: `long-${index}`, name, description, tags: { note: tag }, models });
    // The audit has what was before and what is after.
    await post(`/api-keys/${key.publicId}`, { description: `${description} again` }, "PATCH");
    publicIds.push(key.publicId);
  });
  await forEach(names, async (name, index) => {
    await gateway.makeKey({ alias: `name-${index}`, name, owner_id: (joinTexts([name], 128)[0] ?? "owner").trim() });
    await post("/users", { email: `text-${index}@example.com`, name });
  });
  await forEach(long, async (description, index) => {
    await post("/credentials", { name: `text-${index}`, secret: "sk-of-the-texts", description });
  });

  const webhooks: string[] = [];
  let prices = 0;
  await forEach(shorten(100), async (name, index) => {
    const url = `https://93.184.215.14/hook/${texts[index] ?? ""}`;
    const { id } = await post("/webhooks", { kind: "standard", name, url });
    webhooks.push(String(id));
    const scope = { owner_id: name, tag_key: "note", tag_value: name };
    await post("/alerts/rules", { kind: "budget", name, scope, webhooks: [id] });
    await post("/limits/rules", {
      priority: 1,
      limits: { requests_per_minute: 9_999 },
      scope: [{ tag_key: "note", tag_value: name }],
    });
    await post("/limits/budgets", { limit_usd: "10", period: "month", scope: { owner_id: name } });
    const price = { input_usd_per_million: "1", output_usd_per_million: "2" };
    const model = name.replaceAll(/\s/g, "");
    // Not each text can be the name of a model.
    const { ok } = await gateway.call("PUT", "/admin/prices", gateway.adminKey, { ...price, model });
    if (ok) prices++;
  });
  if (prices < 5) throw new Error(`only ${prices} texts are names of models`);

  const [webhookId = ""] = webhooks;
  const [rule] = await sql<{ id: string }[]>`select id from alert_rule limit 1`;
  await forEach(long, async (text, index) => {
    const random = randomBytes(10).toString("hex");
    const facts = { Alias: text, Now: text, Usual: text, [text.slice(0, 60)]: text };
    await sql`
      insert into alert_incident (id, rule_id, subject, public_id, title, details, level, opened_at, seen_at, acknowledged_by)
      values (${`inc_${random}`}, ${rule?.id ?? ""}, ${text}, null, ${text}, ${JSON.stringify(facts)}::text::jsonb, 0, now(), now(), ${text})`;
    await sql`
      insert into webhook_delivery (id, webhook_id, event, body, state, attempts, created_at, due_at, give_up_at, last_status, last_error)
      values (${`msg_${random}`}, ${webhookId}, ${text.slice(0, 200)}, '{}', 'parked', 1, now(), now(), now(), 500, ${text})`;
    await sql`
      insert into job_state (job, queue, schedule, outcome, error) values (${`text-${index}`}, 'none', '* * * * *', 'failed', ${text})`;
    await sql`
      insert into provider_health (process, model, provider, type, state, in_flight, successes, failures, openings, refused,
        last_failure_at, last_failure, reported_at)
      values (${`text-${index}`}, ${text.slice(0, 200)}, ${text.slice(0, 200)}, 'openai', 'open', 0, 0, 1, 1, 0, now(), ${text},
        now() + interval '1 hour')`;
    await sql`
      insert into budget_window (window_id, level, subject, period, timezone, starts_at, ends_at, limit_nano_usd, terms_version)
      values (${`tag/${text.slice(0, 200)}/month/0`}, 'tag', ${text.slice(0, 200)}, 'month', 'UTC', now() - interval '1 day',
        now() + interval '9 days', 10000000000, 1)`;
  });
  await insertUsageEvents(
    sql,
    "texts",
    shorten(256).map((text, index) =>
      makeUsageEvent(Date.now() - index, {
        publicId: (publicIds[index % publicIds.length] ?? "") as PublicId,
        ownerId: text.slice(0, 128),
        keyTags: JSON.stringify({ note: text }),
        requestTags: JSON.stringify({ note: text }),
        model: text,
        provider: text.slice(0, 60),
        endpoint: text.slice(0, 60),
        status: 502,
        code: text.slice(0, 60),
        priceId: text.slice(0, 60),
        clientIp: text.slice(0, 60),
        origin: text,
      }),
    ),
  );
  return { publicIds, webhookId };
}
