import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type Database, openDatabase } from "../../db/client.ts";
import type { NewApiKey } from "../../db/queries/insert-api-key.ts";
import { loadConfig } from "../../server/platform/config.ts";
import { type CallAnswer, type CallerProcess, openCallerProcess, type PlannedCall } from "./caller-process.ts";
import { type CliRun, runCliProcess } from "./cli-run.ts";
import { listCanaryProblems } from "./cluster-canaries.ts";
import { type ClusterFindings, listJournalProblems, listRefusalProblems, settleFindings } from "./cluster-check.ts";
import { type ClusterMember, openMember } from "./cluster-member.ts";
import { type FaultPostgres, openPrivatePostgres, openSharedPostgres } from "./fault-postgres.ts";
import { insertTestKey, type TestKey } from "./insert-test-key.ts";
import { joinFaults, type NetworkFaults } from "./joined-faults.ts";
import { formatVerdict, type LedgerRow, type LedgerVerdict } from "./ledger-oracle.ts";
import { type LoadClient, type LoadOptions, openLoad } from "./load-client.ts";
import { openRedisServer, type RedisServer } from "./redis-server.ts";
import { makeScriptedConfig, scriptedCalls } from "./scripted-models.ts";
import { makeSeededRandom, type SeededRandom } from "./seeded-random.ts";
import { endInstallations, makeHome, makeSecretEnv } from "./tollgate-process.ts";
import { openUpstreamProcess, type UpstreamProcess } from "./upstream-process.ts";

export interface ClusterOptions {
  /** 3 unless given. */
  gateways?: number;
  /** 2 unless given. */
  workers?: number;
  /** Whether there is a Redis; ask `findRedisLane` first. */
  redis?: boolean;
  /** `private`: a server that can be stopped and killed. */
  postgres?: "shared" | "private";
  /** Text of `tollgate.toml`; the scripted models unless given. */
  config?: (upstreamUrl: string) => string;
  env?: Readonly<Record<string, string>>;
  random?: SeededRandom;
  /** How far the wall clock of each gateway is off; see `jumpClock`. */
  clocks?: readonly { skewMs: number; jumpMs: number }[];
}

/** Gateways and workers on one PostgreSQL and one Redis before one upstream, each to be broken by itself. */
export interface Cluster {
  readonly random: SeededRandom;
  readonly gateways: readonly ClusterMember[];
  readonly workers: readonly ClusterMember[];
  readonly upstream: UpstreamProcess;
  readonly postgres: FaultPostgres;
  /** `null` where the cluster has none. Killing it, or starting it anew, empties it. */
  readonly redis: RedisServer | null;
  /** The networks of all members at once. */
  readonly links: { readonly postgres: NetworkFaults; readonly redis: NetworkFaults };
  /** The database, past all proxies. */
  readonly database: Database;
  /** Stores a key without any gateway. A budget of the period `total` is held against what was spent when it closes. */
  makeKey(properties?: Partial<NewApiKey>): Promise<TestKey>;
  /** A call to `/v1/chat/completions` of a gateway, whose status counts in the check. */
  call(gateway: ClusterMember, key: TestKey, body: Record<string, unknown>): Promise<Response>;
  /** Many such calls at once, from a process of their own; the answers in their order. */
  callAll(plan: readonly ClusterCall[]): Promise<CallAnswer[]>;
  /** The command line, on the cluster's database. */
  runCli(args: readonly string[]): Promise<CliRun>;
  /** Calls all gateways over and over; the scripted models unless given. */
  openLoad(options: Partial<LoadOptions> & Pick<LoadOptions, "keys" | "concurrency">): LoadClient;
  /**
   * Heals everything, starts who is dead, waits until all is quiet, stops all in order, and then holds the run against the
   * laws: each dispatch has its one row and its right charge, the books of the budgets agree, no budget was passed, no valid
   * key was answered 401 or 403, nothing is left in a journal, PostgreSQL logged no error that was not expected.
   *
   * @throws with all that is wrong. Prints one line of figures, with the seed.
   */
  close(options?: ClusterCloseOptions): Promise<ClusterReport>;
}

export interface ClusterCall extends Pick<PlannedCall, "body"> {
  gateway: ClusterMember;
  key: TestKey;
  /** Begun so long after the first; 0 unless given. */
  delayMs?: number;
}

export interface ClusterCloseOptions {
  /** So long a call may take to its row once all run again; a minute unless given. */
  settleMs?: number;
  /** Keys whose calls may cost more than was held for them, because their provider lies: over their budget, but in the books. */
  mayBeOver?: readonly TestKey[];
}

export interface ClusterReport {
  verdict: LedgerVerdict;
  rows: LedgerRow[];
  /** Answers to calls with valid keys, by status. */
  statuses: Map<number, number>;
}

const open: (() => Promise<void>)[] = [];

/** Ends what a failed test left. For `afterEach`. */
export async function endClusters(): Promise<void> {
  await endInstallations();
  for (const end of open.splice(0).reverse()) await end();
}

/** Opens one and waits until all of it serves. */
export async function openCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const random = options.random ?? makeSeededRandom();
  const [postgres, redis, upstream] = await Promise.all([
    options.postgres === "private" ? openPrivatePostgres() : openSharedPostgres(),
    options.redis === true ? openRedisServer() : null,
    openUpstreamProcess(join(makeHome(), "upstream.log")),
  ]);
  const database = openDatabase({ url: postgres.url, applicationName: "oracle", poolMax: 2 });
  const env = {
    ...makeSecretEnv(randomBytes),
    TOLLGATE_LOG_LEVEL: "trace",
    ...options.env,
  };
  open.push(
    () => postgres.close(),
    async () => redis?.stop(),
    () => upstream.close(),
    () => database.close(),
  );
  const config = (options.config ?? makeScriptedConfig)(upstream.url);
  const openOne = async (role: ClusterMember["role"], index: number): Promise<ClusterMember> => {
    const clock = role === "gateway" ? (options.clocks?.[index] ?? null) : null;
    const redisPort = redis?.port ?? null;
    const member = await openMember({ role, config, databaseUrl: postgres.url, redisPort, env, clock });
    open.push(() => member.close());
    await member.start();
    return member;
  };
  const openAll = (role: ClusterMember["role"], count: number): Promise<ClusterMember[]> =>
    Promise.all(Array.from({ length: count }, (_, index) => openOne(role, index)));
  const [gateways, workers] = await Promise.all([
    openAll("gateway", options.gateways ?? 3),
    openAll("worker", options.workers ?? 2),
  ]);
  return makeCluster({ random, postgres, redis, upstream, database, gateways, workers }, env);
}

type Parts = Pick<Cluster, "random" | "postgres" | "redis" | "upstream" | "database" | "gateways" | "workers">;

function makeCluster(parts: Parts, env: Record<string, string>): Cluster {
  const { database, postgres, upstream, gateways, random } = parts;
  const members = [...gateways, ...parts.workers];
  const links = {
    postgres: joinFaults(members.map((member) => member.postgres)),
    redis: joinFaults(members.flatMap((member) => member.redis ?? [])),
  };
  const config = loadConfig({ env: { ...env, DATABASE_URL: postgres.url }, readOnly: true });
  const limits = new Map<string, bigint>();
  const texts: string[] = [];
  const cliHome = makeHome();
  const loads: LoadClient[] = [];
  let callers: CallerProcess | null = null;
  const statuses = new Map<number, number>();
  const count = (status: number, times: number): void => void statuses.set(status, (statuses.get(status) ?? 0) + times);

  return {
    ...parts,
    links,
    async makeKey(properties = {}) {
      const key = await insertTestKey(database.sql, config, properties);
      texts.push(key.text);
      const total = properties.budgets?.find(({ period }) => period === "total");
      if (total !== undefined) limits.set(key.publicId, total.limitNanoUsd);
      return key;
    },
    async call(gateway, key, body) {
      const response = await gateway.process.call("POST", "/v1/chat/completions", key.text, body);
      count(response.status, 1);
      return response;
    },
    async callAll(plan) {
      if (callers === null) {
        const opened = openCallerProcess();
        open.push(() => opened.close());
        callers = opened;
      }
      const calls = plan.map(({ gateway: { url }, key, body, delayMs = 0 }) => ({ url, key: key.text, body, delayMs }));
      const answers = await callers.run(calls);
      for (const { status } of answers) if (status > 0) count(status, 1);
      return answers;
    },
    openLoad(options) {
      const urls = gateways.map(({ url }) => url);
      const load = openLoad({ urls, models: scriptedCalls, pauseMs: 0, random, ...options });
      loads.push(load);
      return load;
    },
    runCli: (args) => runCliProcess(args, cliHome, { ...env, DATABASE_URL: postgres.url }),
    async close({ settleMs = 60_000, mayBeOver = [] } = {}) {
      await Promise.all(loads.map((load) => load.stop()));
      for (const load of loads) for (const [status, times] of load.statuses) count(status, times);
      const over = new Set(mayBeOver.map(({ publicId }) => publicId));
      for (const publicId of over) limits.delete(publicId);
      const { verdict, rows, problems } = await settleMembers(members, links, () =>
        settleFindings(database.sql, upstream.logFile, limits, settleMs, over),
      );
      problems.push(...(await listCanaryProblems(database.sql, members, texts, listSecrets(env))));
      problems.push(...listRefusalProblems(statuses), ...listJournalProblems(members));
      problems.push(...postgres.listErrors().map((entry) => `PostgreSQL logged: ${entry}`));
      const counted = JSON.stringify(Object.fromEntries(statuses));
      console.info(`seed ${random.seed} (TEST_SEED repeats it): ${formatVerdict(verdict)}; answers ${counted}`);
      await endClusters();
      if (problems.length > 0) throw new Error(`the run broke its laws:\n${problems.join("\n")}`);
      return { verdict, rows, statuses };
    },
  };
}

/** What the processes were given to keep to themselves. */
function listSecrets(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => /PEPPER|KEY|SECRET/.test(name)));
}

/** Brings all members back, has a look, and stops them in order. */
async function settleMembers(
  members: readonly ClusterMember[],
  links: Cluster["links"],
  look: () => Promise<ClusterFindings>,
): Promise<ClusterFindings> {
  links.postgres.resume();
  links.redis.resume();
  for (const member of members) if (member.process.isRunning()) member.thaw();
  await Promise.all(members.filter((member) => !member.process.isRunning()).map((member) => member.start()));
  const findings = await look();
  const ends = await Promise.all(members.map((member) => member.process.stop()));
  ends.forEach(({ code }, index) => {
    const member = members[index] as ClusterMember;
    if (code !== 0)
      findings.problems.push(`a ${member.role} ended with ${code}:\n${member.process.output().slice(-2_000)}`);
  });
  return findings;
}
