import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Secret } from "../../../server/core/secret.ts";
import type { Pepper } from "../../../server/platform/config.ts";
import { findEmbeddedPostgres } from "../../../server/platform/embedded-postgres/embedded-postgres.ts";
import { findFreePort } from "../../../server/platform/embedded-postgres/free-port.ts";
import { isAnswering } from "../processes/answering.ts";
import { openChild } from "../processes/child.ts";
import { type Cores, settleOnCores } from "../processes/cores.ts";
import { listDescendants } from "../processes/descendants.ts";
import type { TrafficKind, Upstream } from "../upstream/upstream.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
/** As `npm start` has it: `node`, options of the engine, the program, `start`. */
const startArguments = readStartArguments();

/** A running Tollgate with a data folder of its own: embedded PostgreSQL, gateway and workers. */
export interface TollgateProcess {
  readonly port: number;
  readonly pid: number;
  readonly databaseUrl: string;
  /** Of its key digests: given by us, so that we can store keys beside it. */
  readonly pepper: Pepper;
  /** Workers and PostgreSQL: not on the gateway's core, and not counted to the gateway. */
  readonly otherPids: () => readonly number[];
  readonly close: () => Promise<void>;
}

export const modelOf: Readonly<Record<TrafficKind, string>> = {
  json: "bench",
  stream: "bench-stream",
  slow: "bench-slow",
};

/**
 * Starts Tollgate as a user would; only its file of models and prices is the bench's.
 *
 * @param redisUrl for the rate windows and the queues; `undefined`: there is no Redis.
 */
export async function openTollgateProcess(
  upstream: Upstream,
  cores: Cores,
  folder: string,
  redisUrl?: string,
): Promise<TollgateProcess> {
  buildOnce();
  const home = mkdtempSync(join(folder, "tollgate-"));
  const dataDir = join(home, "data");
  const configFile = join(home, "tollgate.toml");
  writeFileSync(configFile, configText(upstream));
  const port = await findFreePort(null);
  const pepper = { version: 1, value: new Secret(randomBytes(48).toString("base64")) };
  const env = {
    ...Object.fromEntries(
      Object.keys(process.env)
        .filter(isOurs)
        .map((name) => [name, undefined]),
    ),
    PORT: String(port),
    HOST: "127.0.0.1",
    NODE_ENV: undefined,
    TOLLGATE_ROLE: "all",
    REDIS_URL: redisUrl,
    TOLLGATE_DATA_DIR: dataDir,
    TOLLGATE_PEPPER: pepper.value.reveal(),
  };
  const child = await openChild({
    name: "tollgate",
    command: process.execPath,
    args: [...startArguments, "--config-file", configFile],
    cores: cores.subject,
    outputFile: join(home, "output.log"),
    env,
    cwd: home,
    isReady: () => isAnswering(`http://127.0.0.1:${port}/readyz`),
    readyTimeoutMs: 60_000,
  });
  const postgres = await findEmbeddedPostgres(dataDir);
  if (postgres === null) {
    await child.close();
    throw new Error("tollgate answers, but its embedded PostgreSQL is not found");
  }
  const otherPids = () => [...new Set([...listDescendants(child.pid), ...listPostgresPids(dataDir)])];
  for (const pid of otherPids()) settleOnCores(pid, cores.load);
  return { port, pid: child.pid, databaseUrl: postgres.databaseUrl, pepper, otherPids, close: child.close };
}

function readStartArguments(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: { start: string } };
  const [node, ...words] = scripts.start.split(" ");
  if (node !== "node") throw new Error(`the start script begins with ${node} instead of node`);
  return words.map((word) => (word.endsWith(".js") ? join(root, word) : word));
}

let isBuilt = false;

/** A stale build must not be measured. Throws when this tree does not build. */
function buildOnce(): void {
  if (isBuilt) return;
  try {
    execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "pipe", encoding: "utf8" });
  } catch (error) {
    throw new Error(`\`npm run build\` failed:\n${(error as { stdout?: string }).stdout?.slice(0, 1_000) ?? ""}`, {
      cause: error,
    });
  }
  isBuilt = true;
}

/** Settings of the caller's shell must not change what is measured. */
function isOurs(name: string): boolean {
  return name.startsWith("TOLLGATE_") || name.startsWith("LOG_") || name === "DATABASE_URL" || name === "REDIS_URL";
}

/** The server may have been re-parented away from us (it outlives a crash until its watchdog stops it). */
function listPostgresPids(dataDir: string): number[] {
  const file = join(dataDir, "postgres", "postmaster.pid");
  const pid = existsSync(file) ? Number(readFileSync(file, "utf8").split("\n")[0]) : Number.NaN;
  return Number.isInteger(pid) ? [pid, ...listDescendants(pid)] : [];
}

function configText(upstream: Upstream): string {
  return (["json", "stream", "slow"] as const)
    .map(
      (kind) => `[models.${modelOf[kind]}]
routing = ["upstream"]

[models.${modelOf[kind]}.providers.upstream]
type = "openai_compatible"
api_base = "http://127.0.0.1:${upstream.ports[kind]}/v1"
model_name = "bench"
api_key_location = "none"

[prices."${modelOf[kind]}"]
input_usd_per_million = 1.0
output_usd_per_million = 2.0
`,
    )
    .join("\n");
}
