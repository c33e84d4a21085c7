import { afterEach, expect, test } from "vitest";
import { type Cluster, endClusters, openCluster } from "../support/cluster.ts";
import type { ClusterMember } from "../support/cluster-member.ts";
import type { TestKey } from "../support/insert-test-key.ts";
import { findRedisLane } from "../support/redis-server.ts";
import { makeModelConfig } from "../support/test-gateway.ts";
import { waitUntil } from "../support/wait-until.ts";

afterEach(endClusters);

const minuteMs = 60_000;
const clocks = [
  { skewMs: 5 * minuteMs, jumpMs: 0 },
  { skewMs: 0, jumpMs: -60 * minuteMs },
  { skewMs: -5 * minuteMs, jumpMs: 0 },
];
const rounds = process.env.TEST_TIER === "full" ? 20 : 2;
const worth = 10;
const callers = 100;
const limit = 30;

/** A call costs as much as is reserved for it: its input is free, and empty, and its answer as long as it may be. */
const outputTokens = 16;
const callNanoUsd = 32_000n;
const makeConfig = (url: string): string =>
  `[log]\naccess = false\n${makeModelConfig(url, "exact", `model_name = "up+tokens-${outputTokens}"`)}`.replace(
    "input_usd_per_million = 1",
    "input_usd_per_million = 0",
  );
const body = { model: "exact", max_tokens: outputTokens, messages: [{ role: "user", content: "" }] };

interface Answer {
  status: number;
  code: string;
  retryAfter: string | null;
}

/** Calls with one key, all at once, each at one of the gateways by chance. */
function callAll(
  { random, call }: Cluster,
  gateways: readonly ClusterMember[],
  key: TestKey,
  count: number,
): Promise<Answer[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const response = await call(random.pick(gateways), key, body);
      const answer = (await response.json()) as { error?: { code?: string } };
      return {
        status: response.status,
        code: answer.error?.code ?? "",
        retryAfter: response.headers.get("retry-after"),
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

/** How far the wall clock of a process was off when it last wrote to its log; in steps of five, for a process starts slowly. */
function findMinutesOff({ process }: ClusterMember): number {
  const times = [...process.output().matchAll(/"time":"([^"]+)"/g)];
  const offMs = Date.parse(times.at(-1)?.[1] ?? "") - Date.now();
  return 5 * Math.round(offMs / (5 * minuteMs)) + 0;
}

/** Makes the budget of a key of the period `1d` begin anew so many minutes from now, by the database's clock. */
async function setEdge({ database }: Cluster, { publicId }: TestKey, minutes: number): Promise<void> {
  await database.sql`
    update api_key set created_at = now() - interval '1 day' + ${minutes} * interval '1 minute'
    where public_id = ${publicId}`;
}

async function countWindows({ database }: Cluster, { publicId }: TestKey): Promise<number> {
  return (await database.sql`select 1 from budget_window where subject = ${publicId}`).length;
}

test("budgets and rates are the same with clocks five minutes off, and one that goes back an hour", async () => {
  const withRedis = findRedisLane();
  const cluster = await openCluster({ workers: 0, redis: withRedis, clocks, config: makeConfig });
  const [ahead, jumps, behind] = cluster.gateways as [ClusterMember, ClusterMember, ClusterMember];
  await waitUntil(
    () => cluster.gateways.every(({ process }) => process.output().includes('"time"')),
    "all have written to their logs",
  );
  expect([ahead, jumps, behind].map(findMinutesOff)).toEqual([5, 0, -5]);

  const makeBudgeted = () =>
    cluster.makeKey({ budgets: [{ limitNanoUsd: callNanoUsd * BigInt(worth), period: "1d" }] });
  // Who went by its own clock would find the budget in another period than the others do, and spend it again.
  const race = async (minutes: number): Promise<void> => {
    const key = await makeBudgeted();
    await setEdge(cluster, key, minutes);
    const answers = await callAll(cluster, cluster.gateways, key, callers);
    expect(countAnswers(answers)).toEqual({ "200": worth, "429 budget_exceeded": callers - worth });
    expect(await countWindows(cluster, key)).toBe(1);
  };
  // Where Redis does not answer in time, as on a machine that is held up, each enforces its share: that says nothing of clocks.
  // Those that are cut off then add theirs to what the others let through (docs/adr/0008), and no more.
  const countOutages = () =>
    cluster.gateways.flatMap(({ process }) => [...process.output().matchAll(/Redis is away/g)]).length;
  const flood = async (findKey: () => TestKey | Promise<TestKey>, tries = 3): Promise<Answer[]> => {
    const outages = countOutages();
    const answers = await callAll(cluster, cluster.gateways, await findKey(), callers);
    const isCutOff = countOutages() > outages;
    const shares = isCutOff ? (cluster.gateways.length - 1) * (limit / cluster.gateways.length) : 0;
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(limit + shares);
    if (isCutOff && tries > 1) return flood(findKey, tries - 1);
    const waits = answers.filter(({ status }) => status === 429).map(({ retryAfter }) => Number(retryAfter));
    expect(Math.min(...waits)).toBeGreaterThan(30);
    expect(Math.max(...waits)).toBeLessThanOrEqual(66);
    return answers;
  };

  for (let round = 0; round < rounds; round++) {
    await race(3);
    await race(-3);
  }
  const makeLimited = () => cluster.makeKey({ rateLimits: { requests_per_minute: limit } });
  let limited = await makeLimited();
  const first = withRedis ? await flood(async () => (limited = await makeLimited())) : [];
  // In the middle of the minute the clock of one goes back by an hour.
  jumps.jumpClock();
  for (let round = 0; round < rounds; round++) await race(-30);
  const rates = [first];
  if (withRedis) {
    rates.push(await flood(() => limited));
    rates.push(await flood(makeLimited));
  }
  const reached = { "200": limit, "429 rate_limit_exceeded": callers - limit };
  const whole = [reached, { "429 rate_limit_exceeded": callers }, reached];
  expect(rates.map(countAnswers)).toEqual(withRedis ? whole : [{}]);

  // The planted fault: to one of them the period seems to have ended.
  const torn = await makeBudgeted();
  const seen = [await callAll(cluster, [ahead], torn, 2 * worth)];
  await setEdge(cluster, torn, -3);
  seen.push(await callAll(cluster, [behind], torn, 2 * worth));
  expect(countAnswers(seen.flat())).toEqual({ "200": 2 * worth, "429 budget_exceeded": 2 * worth });
  expect(await countWindows(cluster, torn)).toBe(2);

  const { verdict } = await cluster.close();
  expect([ahead, jumps, behind].map(findMinutesOff)).toEqual([5, -60, -5]);
  expect(verdict).toMatchObject({ missing: [], duplicate: [], wrong: [] });
});
