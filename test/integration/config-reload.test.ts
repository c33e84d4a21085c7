import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCaller } from "../../server/admin/router.ts";
import { type Context, openContext } from "../../server/context.ts";
import type { ApiKey } from "../../server/core/api-key.ts";
import { Secret } from "../../server/core/secret.ts";
import { loadConfig } from "../../server/platform/config.ts";
import { openLogger } from "../../server/platform/logger.ts";
import { insertTestKey } from "../support/insert-test-key.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { waitUntil } from "../support/wait-until.ts";

const model = (name: string, price: string) => `
[models.${name}]
routing = ["e"]
[models.${name}.providers.e]
type = "echo"
[prices.${name}]
input_usd_per_million = ${price}
output_usd_per_million = 2
`;
const first = `${model("one", "1")}
[limits]
budget_exceeded_status = 429
[plans.free]
keys = 2
requests_per_minute = 30
`;
const second = `${model("one", "7")}${model("two", "3")}
[gateway]
drain_seconds = 1
[limits]
budget_exceeded_status = 402
budget_surplus = false
[[rate_limiting.rules]]
always = true
requests_per_minute = 5
[[budgets]]
limit_usd = 9
period = "total"
[plans.free]
keys = 2
requests_per_minute = 10
`;

interface Gateway {
  context: Context;
  lines: string[];
  folder: string;
  write(text: string): void;
}

let db: TestDatabase;
const gateways: Gateway[] = [];
beforeAll(async () => {
  db = await openTestDatabase();
  for (let made = 0; made < 2; made += 1) {
    const folder = mkdtempSync(join(tmpdir(), "tollgate-reload-"));
    const configFile = join(folder, "tollgate.toml");
    const write = (text: string) => writeFileSync(configFile, text);
    write(first);
    const env = {
      TOLLGATE_DATA_DIR: folder,
      OPENAI_API_KEY: "sk-canary-9",
      TOLLGATE_PEPPER: "reload-test-pepper-Gq0v1W8yR2sT5uX7zB4dF6hJ9kL3mN",
      TOLLGATE_SEAL_KEY: "reload-test-seal-aZ1bY2cX3dW4eV5fU6gT7hS8iR9jQ0k",
      TOLLGATE_SESSION_SECRET: "reload-test-session-lP1mO2nN3oM4pL5qK6rJ7sI8tH9u",
    };
    const load = () => loadConfig({ env, configFile });
    const config = load();
    const lines: string[] = [];
    const logger = openLogger(
      { level: "info", pretty: false, access: false },
      { write: (line) => void lines.push(line) },
    );
    const context = await openContext({ config, logger, databaseUrl: db.url, loadConfig: load });
    gateways.push({ context, lines, folder, write });
  }
}, 60_000);
afterAll(async () => {
  for (const { context, folder } of gateways) {
    await context.close();
    rmSync(folder, { recursive: true, force: true });
  }
  await db.close();
});

function makeAdmin({ context }: Gateway) {
  const { config, database, clock, logger, process, reloader } = context;
  const randomBytes = (count: number) => new Uint8Array(count).fill(7);
  const origin = { ip: "", requestId: "" };
  const gateway = { process, reloader };
  return makeCaller({
    caller: { kind: "system" },
    origin,
    config,
    database,
    clock,
    logger,
    randomBytes,
    gateway,
  });
}

const findInput = ({ context }: Gateway, name: string) => {
  const found = context.proxy.models.find(name);
  return found === null || "credentialMissing" in found ? null : (found.targets[0]?.price?.input.base ?? null);
};
const key = { publicId: "k3x9q2m7a1bc", ownerId: "ada", tags: {} } as unknown as ApiKey;
const listLimits = ({ context }: Gateway) =>
  context.ruleBook
    .findBuckets({ key, model: "one", clientIp: "192.0.2.1", origin: null, requestTags: {} })
    .map(({ limit }) => `${limit.name}=${limit.limit}`);

describe("a reload", () => {
  it("that finds mistakes names all of them, and changes nothing, here or elsewhere", async () => {
    const [one, other] = gateways as [Gateway, Gateway];
    one.write(`${second}\n[prices.none]\ninput_usd_per_million = -1\noutput_usd_per_million = 1\n[unknown]\n`);
    const failed = await makeAdmin(one)
      .config.reload({})
      .catch((error: unknown) => error);
    const refusal = (failed as { cause: { refusal: { code: string; issues: { path: string }[] } } }).cause.refusal;
    expect(refusal.code).toBe("validation_failed");
    expect(refusal.issues.map(({ path }) => path).sort()).toEqual([
      "prices.none",
      "prices.none.input_usd_per_million",
      "unknown",
    ]);
    expect(one.lines.filter((line) => line.includes("The config file is refused"))).toHaveLength(1);
    expect([findInput(one, "one"), findInput(one, "two"), listLimits(one)]).toEqual([1_000_000_000n, null, []]);
    expect(other.lines.filter((line) => line.includes("config file"))).toEqual([]);
    expect((await makeAdmin(one).audit.list({ action: "config.reload" })).entries).toEqual([]);
  });

  it("applies models, prices, limits and plans on every gateway, and names what needs a restart", async () => {
    const [one, other] = gateways as [Gateway, Gateway];
    const text = await makeMember();
    expect(await loadRate(one, text)).toBe(30);
    for (const { write } of gateways) write(second);
    const before = one.context.config.configHash;
    const held = one.context.proxy.models.find("one");
    const answer = await makeAdmin(one).config.reload({});
    expect(answer).toMatchObject({
      config_hash_before: before,
      applied: ["models", "prices", "plans", "rate_limiting", "budgets", "limits.budget_exceeded_status"],
      needs_restart: ["gateway", "limits.budget_surplus"],
    });
    expect(answer.config_hash).toBe(one.context.config.configHash);
    await waitUntil(() => findInput(other, "two") !== null, "the other one has it too", 5_000);
    for (const gateway of gateways) {
      expect([findInput(gateway, "one"), findInput(gateway, "two")]).toEqual([7_000_000_000n, 3_000_000_000n]);
      expect(gateway.context.proxy.models.list()).toEqual(["one", "two"]);
      expect(listLimits(gateway)).toEqual(["requests_per_minute=5"]);
      expect(gateway.context.ruleBook.findBudgets(key)).toHaveLength(1);
      expect(gateway.context.config.limits).toEqual({ budgetExceededStatus: 402, budgetSurplus: true });
      expect(gateway.context.config.gateway.drainMs).toBe(60_000);
      expect(await loadRate(gateway, text)).toBe(10);
    }
    // A call that has begun goes on with the model that it has.
    expect(held !== null && "targets" in held && held.targets[0]?.price?.input.base).toBe(1_000_000_000n);
    const { entries } = await makeAdmin(one).audit.list({ action: "config.reload" });
    expect(entries).toMatchObject([
      { object_type: "config", before: { config_hash: before }, after: { config_hash: answer.config_hash } },
    ]);
    // What is the same again differs in nothing.
    one.context.reloader.read().apply();
    expect(one.context.reloader.read().reload).toMatchObject({
      applied: [],
      needsRestart: ["gateway", "limits.budget_surplus"],
    });
  });

  it("keeps stored prices above those of the file", async () => {
    const [one] = gateways as [Gateway];
    await makeAdmin(one).prices.put({ model: "two", input_usd_per_million: "5", output_usd_per_million: "5" });
    await waitUntil(() => findInput(one, "two") === 5_000_000_000n, "the stored price holds", 5_000);
    one.context.reloader.read().apply();
    expect(findInput(one, "two")).toBe(5_000_000_000n);
  });
});

/** A member's key, whose rate its plan bounds. */
async function makeMember(): Promise<string> {
  const { sql } = db.database;
  await sql`insert into app_user (id, name, email, plan) values ('ada', 'Ada', 'ada@example.com', 'free')`;
  const [one] = gateways as [Gateway];
  const made = await insertTestKey(sql, one.context.config, {});
  await sql`update api_key set owner_id = 'ada' where public_id = ${made.publicId}`;
  return made.text;
}

async function loadRate({ context }: Gateway, text: string): Promise<number | undefined> {
  const found = await context.proxy.findKey(text);
  return found !== null && "key" in found ? found.key.rateLimits.requests_per_minute : undefined;
}

describe("GET /admin/config", () => {
  it("tells the settings, and no secret", async () => {
    const [one] = gateways as [Gateway];
    const { config } = one.context;
    const view = await makeAdmin(one).config.get({});
    expect(view).toMatchObject({
      config_hash: config.configHash,
      config_file: join(one.folder, "tollgate.toml"),
      config_file_from: "--config-file",
      database: "embedded",
      models: [{ name: "one" }, { name: "two", providers: [{ name: "e", type: "echo", credential: "none" }] }],
      limits: { budget_exceeded_status: 402 },
      plans: ["free"],
    });
    expect(view.provider_types.find(({ name }) => name === "openai")).toMatchObject({
      credential: "set",
      credential_sources: [],
    });
    const text = JSON.stringify(view);
    const secrets = [config.sealKey, config.sessionSecret, ...config.peppers.map(({ value }) => value)];
    for (const secret of [...secrets, new Secret("sk-canary-9")]) expect(text).not.toContain(secret.reveal());
  });
});
