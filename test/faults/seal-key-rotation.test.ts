import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { insertCredential } from "../../db/queries/provider-credentials.ts";
import { Secret } from "../../server/core/secret.ts";
import { makeSealedCredential } from "../../server/keys/stored-credential.ts";
import { type CallerProcess, openCallerProcess } from "../support/caller-process.ts";
import { runCliProcess } from "../support/cli-run.ts";
import { type GatewayProcess, openGatewayProcess } from "../support/gateway-process.ts";
import { expectPostgresLog } from "../support/postgres-log.ts";
import { makeSeededRandom } from "../support/seeded-random.ts";
import { program } from "../support/tollgate-process.ts";
import { openUpstreamProcess, type UpstreamProcess } from "../support/upstream-process.ts";
import { waitUntil } from "../support/wait-until.ts";

/** BARS.md D9: every stored credential goes to a new seal key while 200 calls a second use them, with kill -9 on the way. */
const isFull = process.env.TEST_TIER === "full";
const credentials = isFull ? 900 : 200;
const kills = isFull ? 20 : 2;
const used = 10;
const callsPerSecond = 200;

const oldSeal = randomBytes(36).toString("base64");
const newSeal = randomBytes(36).toString("base64");
const sealEnv = { TOLLGATE_SEAL_KEY: `2:${newSeal}`, TOLLGATE_SEAL_KEY_PREVIOUS: `1:${oldSeal}` };

let folder: string;
let upstream: UpstreamProcess;
let gateway: GatewayProcess;
let callers: CallerProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-seal-rotation-"));
  upstream = await openUpstreamProcess(join(folder, "upstream.jsonl"));
  const models = Array.from(
    { length: used },
    (_, index) => `
[models.m${index}]
routing = ["p"]
[models.m${index}.providers.p]
type = "openai_compatible"
api_base = "${upstream.url}/v1"
api_key_location = "vault::c${index}"
retries = 0`,
  );
  gateway = await openGatewayProcess({ config: models.join("\n"), env: sealEnv, keepOutput: false });
  callers = openCallerProcess();
  const keys = [{ version: 1, value: new Secret(oldSeal) }];
  await gateway.database.database.sql.begin(async (transaction) => {
    for (let index = 0; index < credentials; index++) {
      const sealed = makeSealedCredential(keys, `c${index}`, 1, new Secret(`sk-number-${index}`));
      await insertCredential(transaction, { ...sealed, description: "", createdBy: "test" }, 1_000);
    }
  });
});
afterAll(async () => {
  await callers?.close();
  await gateway?.close();
  await upstream?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function countStale(): Promise<number> {
  const [row] = await gateway.database.database.sql<{ n: number }[]>`
    select count(*)::int as n from provider_credential where key_version <> 2`;
  return row?.n ?? -1;
}

const env = (): Record<string, string> => ({
  DATABASE_URL: gateway.database.url,
  ...gateway.secrets,
  ...sealEnv,
});

/** Starts a rotation and kills it once a few more are done. */
async function rotateAndKill(leftMs: number): Promise<NodeJS.Signals | null> {
  const before = await countStale();
  const child = spawn(process.execPath, [program, "credentials", "rotate-key"], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", TOLLGATE_DATA_DIR: join(folder, "data"), ...env() },
    stdio: "ignore",
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
  await waitUntil(
    async () => child.exitCode !== null || (await countStale()) < before,
    "the rotation has begun",
    30_000,
  );
  await sleep(leftMs);
  child.kill("SIGKILL");
  return await ended;
}

test("a rotation that is killed goes on where it was, and no call fails", { timeout: 300_000 }, async () => {
  expectPostgresLog(/connection|unexpected EOF|terminat/);
  const random = makeSeededRandom();
  const key = (await gateway.makeKey({ permissions: ["ai:inference"], rate_limits: {} })).text;
  await waitUntil(
    async () => (await callers.run([makeCall(key, 0, 0)]))[0]?.status === 200,
    "the credentials are in force",
    10_000,
  );
  let isOver = false;
  const statuses: Record<number, number> = {};
  const load = (async () => {
    while (!isOver) {
      const plan = Array.from({ length: callsPerSecond / 2 }, (_, index) => makeCall(key, index % used, index * 5));
      for (const { status } of await callers.run(plan)) statuses[status] = (statuses[status] ?? 0) + 1;
    }
  })();

  let killed = 0;
  const steps: number[] = [];
  for (let kill = 0; kill < kills && (await countStale()) > 0; kill++) {
    if ((await rotateAndKill(random.integer(15))) === "SIGKILL") killed++;
    steps.push(await countStale());
  }
  const finished = await runCliProcess(["credentials", "rotate-key", "--json"], folder, env());
  expect(finished).toMatchObject({ code: 0 });
  await sleep(1_500);
  isOver = true;
  await load;

  console.info(`D9: ${killed} kills, left after each ${steps.join(", ")}; calls ${JSON.stringify(statuses)}`);
  expect(killed).toBeGreaterThan(0);
  expect(await countStale()).toBe(0);
  expect(Object.keys(statuses)).toEqual(["200"]);
  expect(statuses[200]).toBeGreaterThan(callsPerSecond);
  // Each call was made with the credential of its own model.
  const asked = readFileSync(upstream.logFile, "utf8")
    .split("\n")
    .filter((line) => line.includes('"dispatch"'));
  const wrong = asked.filter((line) => {
    const { model, rawHeaders } = JSON.parse(line) as { model: string; rawHeaders: string[] };
    return !rawHeaders.includes(`Bearer sk-number-${model.slice(1)}`);
  });
  expect(wrong).toEqual([]);
  expect(asked.length).toBeGreaterThanOrEqual(statuses[200] ?? 0);
});

function makeCall(key: string, model: number, delayMs: number) {
  const body = { model: `m${model}`, max_tokens: 5, messages: [{ role: "user", content: "hi" }] };
  return { url: gateway.url, key, body, delayMs };
}
