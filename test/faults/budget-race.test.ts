import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Cluster, endClusters, openCluster } from "../support/cluster.ts";
import { askForLeases } from "../support/cluster-check.ts";
import type { TestKey } from "../support/insert-test-key.ts";
import { listLawBreaks } from "../support/ledger-laws.ts";
import { plantFault } from "../support/plant-fault.ts";
import { exactNanoUsd, exactTokens, makeScriptedConfig } from "../support/scripted-models.ts";
import { waitUntil } from "../support/wait-until.ts";

const exact = { model: "exact", max_tokens: exactTokens, messages: [{ role: "user", content: "one" }] };
const lie = { model: "lies", max_tokens: exactTokens, messages: [{ role: "user", content: "one" }] };

const isFull = process.env.TEST_TIER === "full";
const seeds = isFull ? 200 : 20;
/** What a budget of a race is worth, in calls. */
const worth = 10;

const levels = ["key", "owner", "tag", "deployment"] as const;
type Level = (typeof levels)[number];
/** All combinations of levels but the empty one. */
const combinations: Level[][] = Array.from({ length: 15 }, (_, index) =>
  levels.filter((_level, bit) => ((index + 1) & (1 << bit)) !== 0),
);
/** In calls: what a level holds that is to be exhausted, and any other. Too little for a surplus. */
const scarce = 3;
const enough = 20;

const formatUsd = (calls: number): string => (Number(exactNanoUsd) * calls * 1e-9).toFixed(9);
const makeBudget = (calls: number, scope: string): string =>
  `[[budgets]]\nlimit_usd = "${formatUsd(calls)}"\nperiod = "total"\n${scope}`;
const budgets = [
  makeBudget(1e7, ""),
  makeBudget(enough, 'scope = { owner_id = "tollgate::each" }'),
  ...combinations.map((_, index) => makeBudget(scarce, `scope = { owner_id = "scarce-${index}" }`)),
  makeBudget(enough, 'scope = { tag_key = "customer", tag_value = "tollgate::each" }'),
  makeBudget(scarce, 'scope = { tag_key = "pilot", tag_value = "tollgate::each" }'),
].join("\n");

interface RaceResult {
  admitted: number;
  refused: number;
  /** Anything else that was answered. */
  others: string[];
}

interface Books {
  level: string;
  subject: string;
  settled: bigint;
  leased: bigint;
}

let cluster: Cluster;
/** Keys whose budget was passed on purpose. */
const over: TestKey[] = [];

const makeKey = (limitNanoUsd: bigint): Promise<TestKey> =>
  cluster.makeKey({ budgets: [{ limitNanoUsd, period: "total" }] });

async function listBooks(subjects: readonly string[]): Promise<Books[]> {
  const rows = await cluster.database.sql<{ level: string; subject: string; settled: string; leased: string }[]>`
    select level, subject, settled_nano_usd as settled, leased_nano_usd as leased from budget_window
    where subject = any(${subjects as string[]})`;
  return rows.map((row) => ({ ...row, settled: BigInt(row.settled), leased: BigInt(row.leased) }));
}

/** Waits until nothing is held of these budgets; an unused surplus is asked for. */
async function findSettled(subjects: readonly string[]): Promise<Books[]> {
  let books: Books[] = [];
  await waitUntil(async () => {
    await askForLeases(cluster.database.sql);
    books = await listBooks(subjects);
    return books.every(({ leased }) => leased === 0n);
  }, "nothing is leased");
  return books;
}

/** Calls with one key at once, each at a gateway of its own choice and within a few milliseconds. */
async function runRace(key: TestKey, callers: number): Promise<RaceResult> {
  const { random, gateways } = cluster;
  const plan = Array.from({ length: callers }, () => ({
    gateway: random.pick(gateways),
    key,
    body: exact,
    delayMs: random.integer(5),
  }));
  const result: RaceResult = { admitted: 0, refused: 0, others: [] };
  for (const { status, code } of await cluster.callAll(plan)) {
    if (status === 200) result.admitted++;
    else if (status === 429 && code === "budget_exceeded") result.refused++;
    else result.others.push(`${status} ${code}`);
  }
  return result;
}

/** Exactly so many as the budget is worth. */
async function expectExact(callers: number): Promise<void> {
  const key = await makeKey(exactNanoUsd * BigInt(worth));
  const admitted = Math.min(callers, worth);
  expect(await runRace(key, callers)).toEqual({ admitted, refused: callers - admitted, others: [] });
}

/** Leaves the deployment so many calls. A gateway that was refused believes it for half a second. */
async function setDeploymentRest(calls: number): Promise<void> {
  await findSettled([""]);
  await cluster.database.sql`
    update budget_window set extra_nano_usd = settled_nano_usd - limit_nano_usd + ${(exactNanoUsd * BigInt(calls)).toString()}::bigint
    where level = 'deployment'`;
  await sleep(550);
}

/** A key of an owner and a customer of its own, whose `exhausted` levels are worth three calls. */
async function makeLevelKey(exhausted: readonly Level[], name: string): Promise<{ key: TestKey; subjects: string[] }> {
  const owner = exhausted.includes("owner") ? `scarce-${name}` : `owner-${name}`;
  const tag = exhausted.includes("tag") ? "pilot" : "customer";
  const limitNanoUsd = exactNanoUsd * BigInt(exhausted.includes("key") ? scarce : enough);
  const key = await cluster.makeKey({
    ownerId: owner,
    tags: { [tag]: name },
    budgets: [{ limitNanoUsd, period: "total" }],
  });
  return { key, subjects: [key.publicId, owner, `${tag}=${name}`] };
}

/** Calls one after the other, at each gateway in turn; the codes of the answers, `""` for a whole one. */
async function listCodes(key: TestKey, calls: number): Promise<string[]> {
  const codes: string[] = [];
  for (let index = 0; index < calls; index++) {
    const gateway = cluster.gateways[index % cluster.gateways.length];
    if (gateway === undefined) throw new Error("no gateway");
    const [answer] = await cluster.callAll([{ gateway, key, body: exact }]);
    codes.push(answer?.code ?? "");
  }
  return codes;
}

/** What is leased of a call's own levels right after it was refused. */
async function findLeasedByRefused(exhausted: readonly Level[], name: string): Promise<bigint> {
  const { key, subjects } = await makeLevelKey(exhausted, name);
  expect(await listCodes(key, scarce)).toEqual(Array(scarce).fill(""));
  await findSettled(subjects);
  expect(await listCodes(key, 3)).toEqual(Array(3).fill("budget_exceeded"));
  const books = await listBooks(subjects);
  expect(books.map(({ settled }) => settled)).toEqual(Array(3).fill(exactNanoUsd * BigInt(scarce)));
  return books.reduce((sum, { leased }) => sum + leased, 0n);
}

/** The part of a budget that was spent by calls that were admitted before the first one was refused. */
async function findShare(calls: number, clients: number): Promise<number> {
  const { random, gateways } = cluster;
  const budget = exactNanoUsd * BigInt(calls);
  const key = await makeKey(budget);
  let admitted = 0;
  let isRefused = false;
  const codes = new Set<string | undefined>();
  const runClient = async (first: number): Promise<void> => {
    for (let index = first; !isRefused; index++) {
      const gateway = clients === 1 ? gateways[index % gateways.length] : random.pick(gateways);
      if (gateway === undefined) throw new Error("no gateway");
      const [answer] = await cluster.callAll([{ gateway, key, body: exact }]);
      if (answer?.status === 200) admitted++;
      else {
        isRefused = true;
        codes.add(answer?.code);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => runClient(client)));
  expect(codes).toEqual(new Set(["budget_exceeded"]));
  return admitted / calls;
}

beforeAll(async () => {
  cluster = await openCluster({ workers: 0, config: (url) => makeScriptedConfig(url, budgets) });
});
afterAll(endClusters);

describe("a budget that is worth exactly 10 calls", () => {
  it(`admits 10 of 100 callers at once, ${seeds} times, each with a key that was never used`, {
    timeout: 600_000,
  }, async () => {
    for (let seed = 0; seed < seeds; seed++) await expectExact(100);
  });

  it.each([1, 8, 1_000])("admits no more of %i", async (callers) => {
    await expectExact(callers);
  });

  it("money that is lent twice is found", async () => {
    const { sql } = cluster.database;
    const key = await makeKey(exactNanoUsd * BigInt(worth));
    over.push(key);
    const heal = await plantFault(
      sql,
      "lease_budgets",
      "- b.settled_nano_usd - b.leased_nano_usd",
      "- b.settled_nano_usd",
    );
    expect((await runRace(key, 100)).admitted).toBeGreaterThan(worth);
    await heal();
    await findSettled([key.publicId]);
    expect(await listLawBreaks(sql)).toEqual([expect.stringMatching(/^\d+ used of 320000 in the budget window key/)]);
  });
});

describe("budgets of four levels at once", () => {
  it.each(combinations.map((exhausted, index) => ({ exhausted, index, name: exhausted.join(", ") })))(
    "$name exhausted: refused, and nothing is held anywhere",
    async ({ exhausted, index }) => {
      if (exhausted.includes("deployment")) await setDeploymentRest(scarce);
      expect(await findLeasedByRefused(exhausted, String(index))).toBe(0n);
    },
  );

  it("a deployment that is given more lends again", async () => {
    await setDeploymentRest(1e7);
    const { key } = await makeLevelKey([], "after");
    expect(await listCodes(key, 1)).toEqual([""]);
  });

  it("a refusal that keeps what other levels have given is found", async () => {
    // The group is refused, and its windows are lent all the same where they hold enough.
    const heal = await plantFault(
      cluster.database.sql,
      "lease_budgets",
      "v_refused || g_group[v_first];\n    else\n",
      "v_refused || g_group[v_first];\n    end if;\n    if true then\n",
    );
    const heal2 = await plantFault(
      cluster.database.sql,
      "lease_budgets",
      "v_grant := greatest(g_min[v_index], ",
      "v_grant := greatest(case when g_min[v_index] <= v_rest then g_min[v_index] else 0 end, ",
    );
    expect(await findLeasedByRefused(["key"], "planted")).toBeGreaterThan(0n);
    await heal2();
    await heal();
  });
});

describe("the usable share of a budget", () => {
  it("a serial client spends 99 % of it", { timeout: 120_000 }, async () => {
    const share = await findShare(1_000, 1);
    console.info(`a serial client: ${(share * 100).toFixed(1)} %`);
    expect(share).toBeGreaterThanOrEqual(0.99);
  });

  it("50 clients spend 90 % of it before one is refused", { timeout: 120_000 }, async () => {
    const share = await findShare(1_000, 50);
    console.info(`50 clients: ${(share * 100).toFixed(1)} %`);
    expect(share).toBeGreaterThanOrEqual(0.9);
    expect(share).toBeLessThanOrEqual(1);
  });

  it("what cannot be had is found", async () => {
    const heal = await plantFault(
      cluster.database.sql,
      "lease_budgets",
      "b.limit_nano_usd + b.extra_nano_usd - b.settled_nano_usd",
      "b.limit_nano_usd * 49 / 50 + b.extra_nano_usd - b.settled_nano_usd",
    );
    expect(await findShare(100, 1)).toBeLessThan(0.99);
    await heal();
  });
});

describe("a provider that reports ten times what was held", () => {
  it("the budget is passed by no more than the calls that ran, and the next one is refused", async () => {
    const { gateways, database } = cluster;
    // Room for about ten calls; each costs more than twice of what is held for it.
    const limitNanoUsd = 1_300_000n;
    const key = await makeKey(limitNanoUsd);
    over.push(key);
    const answers = await cluster.callAll(
      gateways.flatMap((gateway) => Array.from({ length: 10 }, () => ({ gateway, key, body: lie }))),
    );
    const admitted = answers.filter(({ status }) => status === 200).length;
    expect(admitted).toBeGreaterThan(0);
    const [books] = await findSettled([key.publicId]);
    expect(await listCodes(key, 3)).toEqual(Array(3).fill("budget_exceeded"));
    const rows = await database.sql<{ cost: string; reserved: string }[]>`
      select cost_nano_usd as cost, reserved_nano_usd as reserved from usage_event where public_id = ${key.publicId}`;
    expect(rows).toHaveLength(admitted);
    const excess = rows.reduce((sum, { cost, reserved }) => sum + BigInt(cost) - BigInt(reserved), 0n);
    const overspend = (books?.settled ?? 0n) - limitNanoUsd;
    console.info(`${admitted} calls, over by ${overspend} of at most ${excess} nano-USD`);
    expect(overspend).toBeGreaterThan(0n);
    expect(overspend).toBeLessThanOrEqual(excess);
    const listTold = (): string[] =>
      gateways.flatMap(({ process }) =>
        process
          .output()
          .split("\n")
          .filter((line) => line.includes('"budget_debt"') && line.includes(key.publicId)),
      );
    // The log is written a little later.
    await waitUntil(() => listTold().length >= admitted, "all debts are logged");
    expect(listTold()).toHaveLength(admitted);
  });

  it("all of it is in the books", async () => {
    const { verdict } = await cluster.close({ mayBeOver: over });
    expect(verdict).toMatchObject({ missing: [], duplicate: [], wrong: [], overspent: [] });
  });
});
