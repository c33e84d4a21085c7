import { afterEach, expect, test } from "vitest";
import { type Cluster, endClusters, openCluster } from "../support/cluster.ts";
import type { ClusterMember } from "../support/cluster-member.ts";
import type { TestKey } from "../support/insert-test-key.ts";
import { findRedisLane } from "../support/redis-server.ts";
import { makeModelConfig } from "../support/test-gateway.ts";

afterEach(endClusters);

const minuteMs = 60_000;
const clocks = [
  { skewMs: 5 * minuteMs, jumpMs: 0 },
  { skewMs: 0, jumpMs: -60 * minuteMs },
  { skewMs: -5 * minuteMs, jumpMs: 0 },
];
const rounds = process.env.TEST_TIER === "full" ? 20 : 3;
const worth = 10;
const callers = 100;
const limit = 30;

/** A call costs as much as is reserved for it: its input is free, and its answer as long as it may be. */
const outputTokens = 16;
const callNanoUsd = 32_000n;
const makeConfig = (url: string): string =>
  `[log]\naccess = false\n${makeModelConfig(url, "exact", `model_name = "up+tokens-${outputTokens}"`)}`.replace(
    "input_usd_per_million = 1",
    "input_usd_per_million = 0",
  );
const body = { model: "exact", max_tokens: outputTokens, messages: [{ role: "user", content: "one" }] };

interface Answer {
  status: number;
  code: string;
  retryAfter: string | null;
  resetsAt: string | null;
}

/** Calls with one key, all at once, each at a gateway by chance. */
function callAll({ gateways, random, call }: Cluster, key: TestKey, count: number): Promise<Answer[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const response = await call(random.pick(gateways), key, body);
      const answer = (await response.json()) as { error?: { code?: string } };
      return {
        status: response.status,
        code: answer.error?.code ?? "",
        retryAfter: response.headers.get("retry-after"),
        resetsAt: response.headers.get("x-tollgate-budget-resets-at"),
      };
    }),
  );
}

function countAnswers(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, code } of answers) {
    const name = `${status} ${code}`.trim();
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

/** When a key's budget of this kind begins anew, by the database's clock. */
async function findResets({ database }: Cluster): Promise<string> {
  const [row] = await database.sql<{ at: string }[]>`
    select to_char((date_trunc('day', now() at time zone 'UTC') + interval '1 day'), 'YYYY-MM-DD"T"HH24:MI:SS".000Z"') as at`;
  return row?.at ?? "";
}

test("budgets and rates are the same with clocks five minutes off, and one that goes back an hour", async () => {
  const withRedis = findRedisLane();
  const cluster = await openCluster({ workers: 0, redis: withRedis, clocks, config: makeConfig });
  const [ahead, jumps, behind] = cluster.gateways as [ClusterMember, ClusterMember, ClusterMember];
  const skews = await Promise.all(
    [ahead, jumps, behind].map(async ({ url }) => Date.parse((await fetch(`${url}/livez`)).headers.get("date") ?? "")),
  );
  const minutesOff = skews.map((atMs) => Math.round((atMs - Date.now()) / minuteMs));
  expect(minutesOff).toEqual([5, 0, -5]);

  const race = async (): Promise<void> => {
    const key = await cluster.makeKey({
      budgets: [{ limitNanoUsd: callNanoUsd * BigInt(worth), period: "day", timezone: "UTC" }],
    });
    const answers = await callAll(cluster, key, callers);
    expect(countAnswers(answers)).toEqual({ "200": worth, "429 budget_exceeded": callers - worth });
    const resets = new Set(answers.flatMap(({ resetsAt }) => resetsAt ?? []));
    expect(resets).toEqual(new Set([await findResets(cluster)]));
  };
  const flood = async (key: TestKey): Promise<Answer[]> => {
    const answers = await callAll(cluster, key, callers);
    const waits = answers.filter(({ status }) => status === 429).map(({ retryAfter }) => Number(retryAfter));
    expect(Math.min(...waits)).toBeGreaterThan(30);
    expect(Math.max(...waits)).toBeLessThanOrEqual(66);
    return answers;
  };

  for (let round = 0; round < rounds; round++) await race();
  const limited = await cluster.makeKey({ rateLimits: { requests_per_minute: limit } });
  const first = withRedis ? await flood(limited) : [];
  // In the middle of the minute the clock of one goes back by an hour.
  jumps.jumpClock();
  for (let round = 0; round < rounds; round++) await race();
  if (withRedis) {
    expect(countAnswers(first)).toEqual({ "200": limit, "429 rate_limit_exceeded": callers - limit });
    expect(countAnswers(await flood(limited))).toEqual({ "429 rate_limit_exceeded": callers });
    const later = await cluster.makeKey({ rateLimits: { requests_per_minute: limit } });
    expect(countAnswers(await flood(later))).toEqual({ "200": limit, "429 rate_limit_exceeded": callers - limit });
  }
  const { verdict } = await cluster.close();
  expect(verdict).toMatchObject({ missing: [], duplicate: [], wrong: [] });
});
