import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import { listTouchedDays, mergeUsageDay } from "../../../db/queries/merge-usage-days.ts";
import { mergeUsageParts } from "../../../db/queries/merge-usage-parts.ts";
import { mergeUsageRefusals } from "../../../db/queries/merge-usage-refusals.ts";
import { loadUsage } from "../../../server/admin/usage/load-usage.ts";
import type { PublicId } from "../../../server/core/api-key.ts";
import { parseUsd } from "../../../server/core/money.ts";
import { type QueryUsageInput, queryUsageInput } from "../../../server/core/usage-question.ts";
import type { UsageRow } from "../../../server/core/usage-schema.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { askOracle, type OracleRow } from "../../support/usage-oracle.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** The clocks of Berlin go back within it, those of New York a week later. */
const start = Date.UTC(2026, 9, 20);
const days = 16;
const rawDays = 400;
const questionsPerState = process.env["TEST_TIER"] === "full" ? 400 : 20;

const random = makeSeededRandom();
const zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"];
const models = ["m1", "m2", "m3"];
const keys = ["aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc", "dddddddddddd"];

let test: TestDatabase;
beforeAll(async () => {
  test = await openTestDatabase();
});
afterAll(() => test.close());

async function insertBatch(fromMs: number, toMs: number, count: number): Promise<void> {
  const events = Array.from({ length: count }, () => {
    const key = random.integer(keys.length);
    return makeUsageEvent(fromMs + random.integer(toMs - fromMs), {
      publicId: keys[key] as PublicId,
      ownerId: ["", "bob", "eve"][key % 3] ?? "",
      model: random.pick(models),
      provider: random.pick(["p1", "p2"]),
      endpoint: random.pick(["chat_completions", "embeddings"]),
      keyTags: random.pick(["", '{"customer":"c1"}', '{"customer":"c2","team":"x"}']),
      origin: random.pick(["", "https://a.example"]),
      clientIp: random.pick(["10.0.0.1", "10.0.1.7", "192.168.7.9"]),
      status: random.pick([200, 200, 200, 429, 502]),
      code: random.pick(["", "upstream_error"]),
      costNanoUsd: random.integer(6) === 0 ? null : BigInt(random.integer(2 ** 31)) * 1_000_003n,
      latencyMs: Math.exp(random.next() * 12 - 2),
      firstTokenMs: random.integer(3) === 0 ? -1 : Math.exp(random.next() * 8),
      inputTokens: random.integer(1_000),
      cachedInputTokens: random.integer(50),
      outputTokens: random.integer(500),
      outputAudioTokens: random.integer(3),
      bytesOut: random.integer(100_000),
    });
  });
  await insertUsageEvents(test.database.sql, "test", events);
}

/** Any question: all groupings, ranges that begin and end anywhere, any zone. */
function makeQuestion(): QueryUsageInput & { from: Date; to: Date } {
  const pick = (share: number) => random.next() < share;
  const at = () => {
    const ms = start + random.integer(days * dayMs);
    const step = random.pick([dayMs, hourMs, hourMs, 1]);
    return Math.floor(ms / step) * step;
  };
  const [from, second] = [at(), at()].sort((a, b) => a - b) as [number, number];
  let to = second;
  if (from === to) to += hourMs;
  const grain = random.pick([undefined, undefined, "hour", "day", "day", "minute"] as const);
  if (grain === "minute") to = Math.min(to, from + dayMs);
  const groups = [
    "key",
    "owner",
    "model",
    "provider",
    "endpoint",
    "status",
    "origin",
    "tag:customer",
    "tag:none",
  ].filter(() => pick(0.18));
  const isOfKeys = pick(0.3);
  const public_id = pick(0.2) ? random.pick(keys) : undefined;
  if (public_id !== undefined && pick(0.3)) groups.unshift("client_network");
  const given = {
    group_by: isOfKeys ? groups.filter((group) => group === "key" || group === "owner") : groups.slice(0, 4),
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    grain,
    timezone: random.pick(zones),
    public_id,
    owner_id: pick(0.1) ? "bob" : undefined,
    ...(isOfKeys
      ? {}
      : {
          model: pick(0.15) ? random.pick(models) : undefined,
          provider: pick(0.1) ? "p1" : undefined,
          status: pick(0.15) ? random.pick(["4xx", "200", 502]) : undefined,
          code: pick(0.1) ? "upstream_error" : undefined,
          origin: pick(0.1) ? "https://a.example" : undefined,
          tag: pick(0.1) ? { customer: "c2", ...(pick(0.5) ? { team: "x" } : {}) } : undefined,
        }),
  };
  return queryUsageInput.parse(given) as QueryUsageInput & { from: Date; to: Date };
}

const fields: Record<string, string> = { key: "public_id", owner: "owner_id" };

function findPercentile(sorted: readonly number[], rank: number): number | null {
  return sorted[Math.floor(rank * (sorted.length - 1))] ?? null;
}

/** Both sides in one shape; percentiles are compared apart. */
function showRow(row: UsageRow, input: QueryUsageInput): string {
  const values = (input.group_by ?? []).map((group) => {
    const value = Object.entries(row).find(([name]) => name === (fields[group] ?? group))?.[1];
    return value === null || value === undefined ? null : String(value);
  });
  return JSON.stringify([
    row.bucket ?? null,
    values,
    row.requests,
    row.errors,
    row.input_tokens,
    row.cached_input_tokens,
    row.output_tokens,
    row.output_audio_tokens,
    String(parseUsd(row.cost_usd)),
    row.unpriced_requests,
    row.bytes_out,
    row.first_used_at,
    row.last_used_at,
  ]);
}

function showOracle(row: OracleRow): string {
  const instant = (text: string | null) => (text === null ? null : new Date(text).toISOString());
  return JSON.stringify([
    instant(row.bucket),
    row.values.slice(0, -1),
    Number(row.requests),
    Number(row.errors),
    Number(row.input),
    Number(row.cached),
    Number(row.output),
    Number(row.audio),
    row.cost,
    Number(row.unpriced),
    Number(row.bytes),
    instant(row.first),
    instant(row.last),
  ]);
}

function isNear(told: number | null, values: readonly number[], rank: number): boolean {
  const real = findPercentile(values, rank);
  if (told === null || real === null) return told === real;
  return Math.abs(told - real) <= Math.max(real * 0.01, 0.01) * (1 + 1e-6);
}

let compared = 0;
async function check(input: QueryUsageInput & { from: Date; to: Date }): Promise<void> {
  const { sql } = test.database;
  const place = JSON.stringify(input);
  const [answer, oracle] = [await loadUsage(sql, { nowMs: Date.now(), rawDays }, input), await askOracle(sql, input)];
  expect([place, answer.exact]).toEqual([place, true]);
  const rows = answer.rows.filter(({ requests }) => requests > 0);
  const told = new Map(rows.map((row) => [showRow(row, input), row]));
  expect([...told.keys()].sort(), place).toEqual(oracle.map(showOracle).sort());
  for (const row of oracle) {
    const { latency_ms: latency, first_token_ms: first } = told.get(showOracle(row)) as UsageRow;
    const { latencies, firsts } = row;
    expect(isNear(latency.p50, latencies, 0.5) && isNear(latency.p95, latencies, 0.95), place).toBe(true);
    expect(isNear(latency.p99, latencies, 0.99) && isNear(first.p95, firsts, 0.95), place).toBe(true);
    compared++;
  }
  const sum = oracle.reduce((total, row) => total + BigInt(row.cost), 0n);
  expect([place, parseUsd(answer.totals.cost_usd)]).toEqual([place, sum]);
}

describe("usage equals an independent sum of raw events", () => {
  it("in every state between ingest and merged days, with late events", { timeout: 600_000 }, async () => {
    const { sql } = test.database;
    const half = start + (days / 2) * dayMs;
    const states: [name: string, change: () => Promise<unknown>][] = [
      ["nothing is merged", () => insertBatch(start, half, 1_200)],
      ["some parts are merged", () => mergeUsageParts(sql, 1)],
      [
        "all parts, no day",
        async () => {
          for (let at = half; at < start + days * dayMs; at += dayMs) await insertBatch(at, at + dayMs, 120);
          while ((await mergeUsageParts(sql, 500)).parts > 0);
        },
      ],
      [
        "some days",
        async () => {
          for (const day of (await listTouchedDays(sql)).slice(0, 7)) await mergeUsageDay(sql, day);
        },
      ],
      ["late events that are not merged", () => insertBatch(start + dayMs, half, 200)],
      ["late events in hours, not in days", () => mergeUsageParts(sql, 10_000)],
      [
        "all days, and a late part",
        async () => {
          for (const day of await listTouchedDays(sql)) await mergeUsageDay(sql, day);
          await insertBatch(start, start + days * dayMs, 60);
        },
      ],
    ];
    for (const [name, change] of states) {
      await change();
      for (let count = 0; count < questionsPerState; count++) {
        await check(makeQuestion()).catch((error: unknown) => {
          throw new Error(`seed ${random.seed}, ${name}`, { cause: error });
        });
      }
    }
    expect(compared).toBeGreaterThan(300);
  });

  it("counts refusals once, merged or not, beside the requests", async () => {
    const { sql } = test.database;
    const hour = new Date(start + 5 * hourMs).toISOString();
    const ask = async (more: Record<string, unknown>) => {
      const input = { from: "2026-10-20", to: "2026-10-21", group_by: "key,status", public_id: keys[0], ...more };
      const { rows } = await loadUsage(sql, { nowMs: Date.now(), rawDays }, queryUsageInput.parse(input));
      return rows.filter((row) => row.refusals > 0).map((row) => [row.public_id, row.status, row.refusals]);
    };
    await sql`
      insert into usage_refusal (process, batch, position, hour, public_id, owner_id, model, endpoint, status, code, origin, refusals)
      values ('p', 1, 1, ${hour}, ${keys[0] as string}, '', 'm1', 'chat_completions', 403, 'model_not_allowed', '', 7)`;
    const told = [[keys[0], 403, 7]];
    expect(await ask({})).toEqual(told);
    expect(await ask({ status: "429" })).toEqual([]);
    await mergeUsageRefusals(sql);
    expect(await ask({})).toEqual(told);
    expect(await ask({ timezone: "Asia/Kolkata", grain: "day" })).toEqual(told);
    expect(await ask({ from: "2026-10-20T05:00:00Z", to: "2026-10-20T05:30:00Z" })).toEqual(told);
    expect(await ask({ from: "2026-10-20T05:30:00Z", to: "2026-10-20T06:30:00Z" })).toEqual([]);
    for (const day of await listTouchedDays(sql)) await mergeUsageDay(sql, day);
    expect(await ask({})).toEqual(told);
  });
});
