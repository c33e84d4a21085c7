import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Config, loadConfig, loadProcessConfig } from "../../../server/platform/config.ts";
import { ConfigError } from "../../../server/platform/config-error.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-config-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Environment = Record<string, string | undefined>;

function load(toml: string, env: Environment = {}): Config {
  const configFile = join(folder, "tollgate.toml");
  writeFileSync(configFile, toml);
  return loadConfig({ env: { TOLLGATE_DATA_DIR: join(folder, "data"), ...env }, configFile, readOnly: true });
}

function mistakesOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

const mistakes = (toml: string, env: Environment = {}): string[] => mistakesOf(() => load(toml, env));

describe("what may be left out", () => {
  test("an empty file and an empty environment are complete", () => {
    const config = load("");
    expect(config).toMatchObject({ role: "all", host: "127.0.0.1", port: 3000, databaseUrl: null, redisUrl: null });
    expect(config.gateway).toMatchObject({
      authEnabled: true,
      bodyBytesMax: 32 * 2 ** 20,
      drainMs: 60_000,
      graceMs: 60_000,
    });
    expect(config.gateway.responseBytesMax).toBe(32 * 2 ** 20);
    expect(config.keys).toMatchObject({ expiryDaysDefault: 90, expiryDaysMax: 365, allowNoExpiry: false });
    expect(config.usage.rawDays).toBe(30);
    expect(config.log).toEqual({ level: "info", pretty: false, access: true });
    expect(config.shorthands.get("echo")?.credentialMissing).toBeNull();
    expect(config.shorthands.get("openai")?.credentialMissing).toBe("environment variable OPENAI_API_KEY is not set");
    expect(config.shorthands.has("vllm")).toBe(false);
    expect(config.dataDir).toBe(join(folder, "data"));
    expect(config.configHash).toBe("e3b0c44298fc");
  });

  test("no ./tollgate.toml is no mistake, a named file that is missing is one", () => {
    const env = { TOLLGATE_DATA_DIR: join(folder, "data") };
    expect(loadConfig({ env, readOnly: true }).models.size).toBe(0);
    const missing = join(folder, "none.toml");
    expect(mistakesOf(() => loadConfig({ env, configFile: missing, readOnly: true }))[0]).toMatch(
      /^--config-file: .*ENOENT/,
    );
    expect(mistakesOf(() => loadConfig({ env: { ...env, TOLLGATE_CONFIG: missing } }))[0]).toMatch(
      /^TOLLGATE_CONFIG: /,
    );
  });

  test("the process's own environment is read by loadProcessConfig", () => {
    const before = process.env.TOLLGATE_ROLE;
    process.env.TOLLGATE_ROLE = "nobody";
    try {
      expect(mistakesOf(() => loadProcessConfig({ readOnly: true }))).toContain(
        'TOLLGATE_ROLE: found "nobody"; allowed: all, gateway, worker',
      );
    } finally {
      if (before === undefined) delete process.env.TOLLGATE_ROLE;
      else process.env.TOLLGATE_ROLE = before;
    }
  });
});

describe("what the environment says", () => {
  test("it wins over the file", () => {
    expect(load('[log]\nlevel = "warn"').log.level).toBe("warn");
    expect(load('[log]\nlevel = "warn"', { TOLLGATE_LOG_LEVEL: "debug" }).log.level).toBe("debug");
  });

  test.each([
    ["PORT", "65536"],
    ["PORT", "80a"],
    ["PORT", "-1"],
    ["HOST", "300.0.0.1"],
    ["HOST", "a b"],
    ["TOLLGATE_ROLE", "workers"],
    ["TOLLGATE_LOG_LEVEL", "verbose"],
    ["REDIS_URL", "localhost:6379"],
    ["DATABASE_URL", "mysql://h/db"],
    ["DATABASE_URL", ""],
    ["REDIS_URL", " "],
    ["TOLLGATE_DATA_DIR", ""],
  ])("%s=%j is refused by name", (name, value) => {
    expect(mistakes("", { [name]: value }).some((line) => line.startsWith(`${name}: `))).toBe(true);
  });

  test.each([["::1"], ["0.0.0.0"], ["localhost"], ["gateway-1.internal"]])("HOST=%s is taken", (HOST) => {
    expect(load("", { HOST }).host).toBe(HOST);
  });

  test("gateway and worker need a database of their own", () => {
    expect(mistakes("", { TOLLGATE_ROLE: "worker" })).toEqual([
      expect.stringMatching(/^TOLLGATE_ROLE: worker without DATABASE_URL/),
    ]);
  });

  test("a database password is in no message and in no print of the config", () => {
    const env = { DATABASE_URL: "postgres://u:hunter2hunter2@h h/db", REDIS_URL: "http://:hunter2hunter2@h" };
    expect(mistakes("", env).join("\n")).not.toContain("hunter2");
    const secrets = {
      TOLLGATE_PEPPER: `1:${"0123456789abcdefQ".repeat(3)}`,
      TOLLGATE_SEAL_KEY: "k3".concat("jd82mf9s0qpwmz7x".repeat(2), "Z"),
      TOLLGATE_SESSION_SECRET: "8sj2nf0w7dh3kf9q1mz5xv6cb4ty0lpr",
    };
    const config = load("", {
      ...secrets,
      TOLLGATE_PEPPER: "1:q7dk2mz0sl4nf8vb1xc6hy3jw5pr9tga",
      DATABASE_URL: "postgres://u:hunter2hunter2@h/db",
      REDIS_URL: "rediss://:hunter2hunter2@h:6380",
    });
    expect(config.databaseUrl?.reveal()).toContain("hunter2");
    expect(inspect(config, { depth: 9 }) + JSON.stringify(config)).not.toMatch(/hunter2|q7dk2|jd82m|8sj2n/);
  });
});

describe("mistakes in the file", () => {
  test("all of them are told at once, one per line, each with its path", () => {
    const lines = mistakes(
      `gatway = 1
      [gateway]
      drain_seconds = "a"
      body_bytes = 3
      [keys.prefixes]
      client = "prod_"
      [models.a]
      routing = ["opnai", "b", "b"]
      [models.a.providers.openai]
      type = "openai"
      [models.a.providers.b]
      type = "antropic"
      key = "x"
      [models."openai::x"]
      routing = []
      [prices.other]
      input_usd_per_million = -1`,
      { PORT: "x", TOLLGATE_PEPPER: "short" },
    );
    const paths = lines.map((line) => line.split(": ")[0]);
    expect(paths).toEqual([
      "PORT",
      "gatway",
      "gateway.drain_seconds",
      "gateway.body_bytes",
      "keys.prefixes.client",
      "models.a.providers.b.key",
      "models.a.providers.b.type",
      "models.a.routing[0]",
      "models.a.routing[2]",
      'models."openai::x"',
      'models."openai::x".routing',
      "prices.other",
      "prices.other.input_usd_per_million",
      "prices.other.output_usd_per_million",
      "TOLLGATE_PEPPER",
    ]);
    expect(lines).toContain(
      "gatway: unknown section; did you mean gateway? allowed: gateway, keys, permissions, auth, plans, limits, rate_limiting, budgets, egress, usage, journal, log, models, functions, provider_types, prices",
    );
    expect(lines.find((line) => line.startsWith("gateway.body_bytes"))).toContain("did you mean body_bytes_max?");
    expect(lines.find((line) => line.startsWith("models.a.routing[0]"))).toContain("did you mean openai?");
    expect(lines.find((line) => line.includes("b.type"))).toContain(
      'found "antropic"; did you mean anthropic? allowed: openai, openai_compatible',
    );
  });

  test.each([
    ["a = ", "not TOML"],
    ["[gateway]\ndrain_seconds = nan", "gateway.drain_seconds"],
    ["[gateway]\ndrain_seconds = -1", "gateway.drain_seconds: found -1; must be at least 0"],
    ["[gateway]\nbody_bytes_max = 99999999999999999999", "not TOML"],
    ["[gateway]\nbody_bytes_max = 1.5", "must be a whole number"],
    ["gateway = 1979-05-27", "gateway: found a date; must be a table"],
    ["models = 3", "models: found 3; must be a table"],
    ["models.a = 3", "models.a: found 3; must be a table"],
    ["[models.a]\nproviders = 1\nrouting = ['p']", "models.a.providers: found 1; must be a table"],
    ["[__proto__]\na = 1", "__proto__: unknown section"],
    ["[models.a.__proto__]\nx = 1", "models.a.__proto__: unknown key"],
    ["[keys]\nexpiry_days_default = 400", "keys.expiry_days_default: found 400; must be at most keys.expiry_days_max"],
    ["[keys.prefixes]\nclient = 'Abc_'", "keys.prefixes.client"],
    ["[provider_types.opnai.defaults]", "provider_types.opnai: found"],
    ["[provider_types.echo.defaults]\nretries = 1", "provider_types.echo.defaults.retries: not for"],
  ])("%j", (toml, expected) => {
    expect(mistakes(toml).join("\n")).toContain(expected);
  });

  test.each([
    ["a\\tb"],
    ["a\\u0000"],
    [" a"],
    [""],
    ["a\\u202Eb"],
    ["a*"],
    ["!a"],
    ["tensorzero::a"],
    ["tollgate::a"],
    ["anthropic::a"],
    ["echo::a"],
  ])("a model may not be named %j", (name) => {
    expect(mistakes(`[models."${name}"]\nrouting = ["p"]\n[models."${name}".providers.p]\ntype = "echo"`)).toHaveLength(
      1,
    );
  });

  test("auth may be off on a loopback address only", () => {
    const off = "[gateway.auth]\nenabled = false";
    expect(load(off).gateway.authEnabled).toBe(false);
    expect(load(off, { HOST: "::1" }).gateway.authEnabled).toBe(false);
    expect(mistakes(off, { HOST: "0.0.0.0" })).toEqual([
      expect.stringMatching(/^gateway\.auth\.enabled: false with HOST 0\.0\.0\.0;/),
    ]);
  });
});
