import { afterAll, beforeAll, expect, test } from "vitest";
import { findRollupLag } from "../../../db/queries/find-rollup-lag.ts";
import { listTouchedDays } from "../../../db/queries/merge-usage-days.ts";
import { mergeUsageRefusals } from "../../../db/queries/merge-usage-refusals.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

let gateway: TestGateway;
const sql = () => gateway.database.database.sql;
const body = { model: "echo::any", messages: [{ role: "user", content: "hi" }] };

async function call(key: string, model = "echo::any", headers: Record<string, string> = {}): Promise<number> {
  const response = await gateway.call("/v1/chat/completions", { ...body, model }, key, {
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
  });
  await response.text();
  return response.status;
}

async function listRefusals() {
  const rows = await sql()<Record<string, unknown>[]>`
    select public_id, owner_id, model, endpoint, status, code, origin, key_tags, sum(refusals)::int as refusals
    from usage_refusal group by 1, 2, 3, 4, 5, 6, 7, 8 order by code, public_id`;
  return rows.map((row) => ({ ...row }));
}

beforeAll(async () => {
  gateway = await openTestGateway({
    config: `[gateway]\ntrusted_proxies = ["127.0.0.0/8"]\n[models.named]\nrouting = ["e"]\n[models.named.providers.e]\ntype = "echo"\n`,
  });
});
afterAll(() => gateway.close());

test("refused calls are counted without a row each, merged once, and no event is written for them", async () => {
  const limited = await gateway.makeKey({ tags: { team: "red" }, rateLimits: { requests_per_minute: 1 } });
  const narrow = await gateway.makeKey({ models: ["named"] });
  const revoked = await gateway.makeKey({});
  await sql()`update api_key set state = 'revoked' where public_id = ${revoked.publicId}`;
  const unknown = (await gateway.makeKey()).text;
  await sql()`delete from api_key_secret where public_id not in (${limited.publicId}, ${narrow.publicId}, ${revoked.publicId})`;

  expect(await call(limited.text, "named")).toBe(200);
  for (let times = 0; times < 3; times++) expect(await call(limited.text, "named")).toBe(429);
  for (let times = 0; times < 2; times++) expect(await call(narrow.text, `echo::${times}`)).toBe(403);
  expect(await call(revoked.text)).toBe(401);
  for (const address of ["192.0.2.1", "192.0.2.200", "2001:db8:7::9"]) {
    expect(await call(unknown, "named", { "x-forwarded-for": address })).toBe(401);
  }
  expect((await gateway.call("/v1/models", undefined, "nonsense", { method: "GET" })).status).toBe(401);
  // Neither a bad body nor a model that is not there is a refusal of these kinds.
  expect(await call(narrow.text, "no-such-model")).toBe(404);

  const of = (publicId: string, code: string, status: number, refusals: number, more: object = {}) => ({
    public_id: publicId,
    owner_id: "",
    model: "",
    endpoint: "chat_completions",
    status,
    code,
    origin: "",
    key_tags: null,
    refusals,
    ...more,
  });
  const expected = [
    of("", "invalid_api_key", 401, 3),
    of("", "invalid_api_key", 401, 1, { endpoint: "" }),
    of(narrow.publicId, "model_not_allowed", 403, 2),
    of(limited.publicId, "rate_limit_exceeded", 429, 3, { model: "named", key_tags: { team: "red" } }),
    of(revoked.publicId, "revoked_api_key", 401, 1),
  ];
  await waitUntil(async () => (await findRollupLag(sql())).refusals === 10, "the refusals are stored");
  expect(await listRefusals()).toEqual(expect.arrayContaining(expected));
  expect(await listRefusals()).toHaveLength(expected.length);
  expect(await gateway.listEvents(1)).toHaveLength(1);
  expect(
    await sql()`select network, attempts::int from usage_unknown_network where network not like '127%' order by network`,
  ).toEqual([
    { network: "192.0.2.0/24", attempts: 2 },
    { network: "2001:db8:7::/48", attempts: 1 },
  ]);

  // Twice at once: each row once.
  const merged = await Promise.all([mergeUsageRefusals(sql()), mergeUsageRefusals(sql())]);
  expect(merged.sort()).toEqual([0, 10]);
  const hours = await sql()`
    select s.code, s.status, h.refusals::int, h.requests::int, h.errors::int, h.latency, h.first_at
    from usage_hour h join usage_series s using (series_id) where s.public_id = ${limited.publicId}`;
  expect(hours.map((row) => ({ ...row }))).toEqual([
    { code: "rate_limit_exceeded", status: 429, refusals: 3, requests: 0, errors: 0, latency: "{}", first_at: null },
  ]);
  expect((await findRollupLag(sql())).refusals).toBe(0);
  const [touched] = await sql()`select count(*)::int as days from usage_day_touched`;
  expect(touched?.["days"]).toBeGreaterThan(0);
  expect(await listTouchedDays(sql())).toEqual([]);
});

test("a batch that is flushed twice, as after a lost answer, is stored once", async () => {
  const batch = {
    batch: 7,
    counts: [
      {
        hourMs: Date.parse("2026-09-10T12:00:00Z"),
        publicId: "",
        ownerId: "",
        keyTags: "",
        model: "",
        endpoint: "x",
        status: 401,
        code: "invalid_api_key",
        origin: "",
        refusals: 4,
      },
    ],
    networks: [{ network: "203.0.113.0/24", attempts: 4, firstMs: 1e12, lastMs: 1e12 }],
  };
  const ingest = gateway.database.database.openUsageIngest();
  for (let times = 0; times < 2; times++) await ingest.insert("twice", [], batch);
  await ingest.end();
  expect(await sql()`select refusals::int from usage_refusal where process = 'twice'`).toEqual([{ refusals: 4 }]);
  expect(await sql()`select attempts::int from usage_unknown_network where network = '203.0.113.0/24'`).toEqual([
    { attempts: 4 },
  ]);
});
