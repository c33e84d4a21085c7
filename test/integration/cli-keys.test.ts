import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findKeysByDigest } from "../../db/queries/find-keys-by-digest.ts";
import { insertUsageEvents } from "../../db/queries/insert-usage-events.ts";
import type { PublicId } from "../../server/core/api-key.ts";
import { Secret } from "../../server/core/secret.ts";
import { makeKeyDigest } from "../../server/keys/key-digest.ts";
import { type CliRun, runCliHere, runCliProcess } from "../support/cli-run.ts";
import { makeUsageEvent } from "../support/make-usage-event.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";

const pepper = "cli-test-pepper-Gq0v1W8yR2sT5uX7zB4dF6hJ9kL3mN";
let test: TestDatabase;
let folder: string;

beforeAll(async () => {
  test = await openTestDatabase();
  folder = mkdtempSync(join(tmpdir(), "tollgate-cli-"));
});
afterAll(async () => {
  await test.close();
  rmSync(folder, { recursive: true, force: true });
});

/** On this file's database. */
function makeEnv(): Record<string, string> {
  return {
    DATABASE_URL: test.url,
    TOLLGATE_PEPPER: pepper,
    TOLLGATE_SEAL_KEY: "cli-test-seal-aZ1bY2cX3dW4eV5fU6gT7hS8iR9jQ0k",
    TOLLGATE_SESSION_SECRET: "cli-test-session-lP1mO2nN3oM4pL5qK6rJ7sI8tH9u",
  };
}

const run = (args: readonly string[], env: Record<string, string> = {}): Promise<CliRun> =>
  runCliHere(args, folder, { ...makeEnv(), ...env });

/** As a person would: the exit code is that of the process. */
const runProcess = (args: readonly string[], env: Record<string, string> = {}): Promise<CliRun> =>
  runCliProcess(args, folder, { ...makeEnv(), ...env });

async function findKey(text: string) {
  const [found] = await findKeysByDigest(test.database.sql, [
    makeKeyDigest(text.trim(), { version: 1, value: new Secret(pepper) }).toString("hex"),
  ]);
  return found?.key;
}

describe("TensorZero's flags", () => {
  it("--create-api-key prints only the key, which works", async () => {
    const made = await runProcess(["--create-api-key"]);
    expect(made).toMatchObject({ code: 0, error: "" });
    expect(made.out).toMatch(/^prod_[0-9a-z]{12}_[0-9A-Za-z]{48}\n$/);
    const key = await findKey(made.out);
    expect(key).toMatchObject({ state: "active", createdBy: "system", permissions: ["ai:inference"] });
  });

  it("--expiration takes TensorZero's form; a past one fails with one line and no key", async () => {
    const end = new Date(Date.now() + 10 * 86_400_000);
    const made = await run([
      "--create-api-key",
      "--expiration",
      `${end.toISOString().slice(0, 19).replace("T", " ")}.000000 UTC`,
    ]);
    expect(made.code).toBe(0);
    expect((await findKey(made.out))?.expiresAt?.toISOString().slice(0, 19)).toBe(end.toISOString().slice(0, 19));
    const past = await run(["--create-api-key", "--expiration", "2020-12-20 23:00:00.000000 UTC"]);
    expect(past).toMatchObject({ code: 2, out: "" });
    expect(past.error).toMatch(/^.*must lie in the future\n$/);
  });

  it("--disable-api-key disables; an unknown id fails with a clear line", async () => {
    const made = await run(["--create-api-key"]);
    const publicId = made.out.split("_")[1] ?? "";
    expect(await run(["--disable-api-key", publicId])).toMatchObject({
      code: 0,
      out: `Disabled the key ${publicId}.\n`,
    });
    expect((await findKey(made.out))?.state).toBe("disabled");
    for (const unknown of ["zzzzzzzzzzzz", "not-an-id"]) {
      const answer = await run(["--disable-api-key", unknown]);
      expect(answer).toMatchObject({ code: 1, out: "" });
      expect(answer.error).toBe(`There is no key with the public id ${unknown}; nothing was disabled.\n`);
    }
  });
});

describe("keys", () => {
  it("goes through a whole life", async () => {
    const created = await run([
      ..."keys create --name Life --type client --allow-origin https://a.example.com --tag customer=acme".split(" "),
      ..."--budget 25/30d --budget 3/month@Europe/Berlin --rate-limit requests_per_minute=7 --model openai::*,!openai::o1 --json".split(
        " ",
      ),
    ]);
    expect(created.code).toBe(0);
    const key = JSON.parse(created.out) as { public_id: string; api_key: string };
    expect(key).toMatchObject({
      alias: "life",
      type: "client",
      tags: { customer: "acme" },
      models: ["openai::*", "!openai::o1"],
      rate_limits: { requests_per_minute: 7 },
      budgets: [
        { limit_usd: "25", period: "30d" },
        { limit_usd: "3", period: "month", timezone: "Europe/Berlin" },
      ],
    });
    expect(key.api_key).toMatch(/^client_/);

    const listed = await run(["keys", "list", "--tag", "customer=acme"]);
    expect(listed.code).toBe(0);
    expect(listed.out).toMatch(/PUBLIC ID +ALIAS +TYPE +STATE/);
    expect(listed.out).toContain(key.public_id);
    expect(listed.out).not.toContain(key.api_key.slice(-48));

    const shown = await run(["keys", "show", key.public_id]);
    expect(shown.out).toMatch(/today +0 requests/);
    const updated = await run(["keys", "update", key.public_id, "--budget", "none", "--name", "Second", "--json"]);
    expect(JSON.parse(updated.out)).toMatchObject({
      name: "Second",
      budgets: [],
      version: 2,
      tags: { customer: "acme" },
    });
    const stale = await run(["keys", "update", key.public_id, "--name", "Third", "--if-version", "1"]);
    expect([stale.code, stale.error]).toEqual([1, "The key was changed in the meantime; its version is 2.\n"]);

    expect((await run(["keys", "disable", key.public_id])).out).toBe(`${key.public_id} (life) is disabled.\n`);
    expect((await run(["keys", "enable", key.public_id])).out).toBe(`${key.public_id} (life) is active.\n`);
    expect((await run(["keys", "revoke", key.public_id])).out).toBe(`${key.public_id} is revoked.\n`);
    expect((await run(["keys", "revoke", key.public_id])).code).toBe(0);
    expect((await run(["keys", "enable", key.public_id])).code).toBe(1);
    expect((await findKey(key.api_key))?.state).toBe("revoked");
  });

  it("--admin makes a key with every permission", async () => {
    const made = await run(["keys", "create", "--admin", "--json"]);
    expect(JSON.parse(made.out)).toMatchObject({ permissions: ["*"], created_by: "system" });
    const table = await run(["keys", "create", "--admin", "--name", "printed"]);
    expect(table.out.match(/API key \(shown once\): prod_\w+\n$/)).not.toBeNull();
  });

  it("exit codes: 2 for wrong use, 1 for a failure, 78 for configuration; one line and no stack", async () => {
    const cases: [string[], Record<string, string>, number, RegExp][] = [
      [["keys", "create", "--alias", "Not Good"], {}, 2, /alias/],
      [["keys", "show", "zzzzzzzzzzzz"], {}, 1, /^There is no key with the public id zzzzzzzzzzzz; .*\n$/],
      [["nonsense"], {}, 2, /unknown command 'nonsense'/],
      [["keys", "list"], { PORT: "many" }, 78, /PORT/],
      [["keys", "list"], { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" }, 1, /PostgreSQL cannot be reached/],
    ];
    for (const [args, env, code, text] of cases) {
      const answer = await runProcess(args, env);
      expect([args, answer.code, answer.out]).toEqual([args, code, ""]);
      expect(answer.error).toMatch(text);
      expect(answer.error).not.toMatch(/^\s+at /m);
    }
  });
});

describe("usage", () => {
  it("shows requests, tokens and cost, as a table and as JSON", async () => {
    const at = Date.now() - 60_000;
    await insertUsageEvents(test.database.sql, "test", [
      makeUsageEvent(at, { publicId: "cccccccccccc" as PublicId, model: "echo::a", costNanoUsd: 1_500_000_000n }),
      makeUsageEvent(at, { publicId: "cccccccccccc" as PublicId, model: "echo::b", costNanoUsd: 500_000_000n }),
    ]);
    const table = await run(["usage", "--by", "key,model"]);
    expect(table.code).toBe(0);
    expect(table.out).toMatch(/PUBLIC ID +MODEL +REQUESTS +ERRORS +REFUSED/);
    expect(table.out).toMatch(/cccccccccccc +echo::a +1 +0 +0 +10 +20 +1\.5 /);
    expect(table.out).toMatch(/^all +- +2 .* 2 /m);
    const json = JSON.parse((await run(["usage", "--by", "model", "--model", "echo::b", "--json"])).out) as unknown;
    expect(json).toMatchObject({ rows: [{ model: "echo::b", cost_usd: "0.5" }], totals: { requests: 1 } });
    const compared = await run(["usage", "--by", "model", "--compare", "--top", "1", "--key", "cccccccccccc"]);
    expect(compared.out).toMatch(/BEFORE +BEFORE USD +CHANGE/);
    expect(compared.out).toMatch(/^other +1 /m);
    const chart = await run(["usage", "--chart", "--key", "cccccccccccc"], { COLUMNS: "60", LANG: "C.UTF-8" });
    expect(chart.out).toMatch(/^\d{4}-\d\d-\d\d {2}█+ {2}2 USD\n$/);
    expect(chart.out.trimEnd().length).toBe(60);
    const csv = await run(["usage", "--csv", "--by", "key,model", "--key", "cccccccccccc"]);
    expect(csv.out.split("\r\n").map((line) => line.split(",").slice(0, 3).join())).toEqual([
      "public_id,model,requests",
      "cccccccccccc,echo::a,1",
      "cccccccccccc,echo::b,1",
      "",
    ]);
    const unknown = await run(["usage", "--by", "colour"]);
    expect([unknown.code, unknown.out]).toEqual([2, ""]);
    expect(unknown.error).toContain("key, owner, model");
  });

  it("shows what was refused, of a key without calls too", async () => {
    await test.database.sql`
      insert into usage_refusal (process, batch, position, hour, public_id, owner_id, model, endpoint, status, code, origin, refusals)
      values ('test', 1, 1, date_trunc('hour', now()), 'dddddddddddd', '', '', 'chat', 429, 'rate_limit_exceeded', '', 7)
      on conflict do nothing`;
    const table = await run(["usage", "--by", "key", "--key", "dddddddddddd"]);
    expect(table.out).toMatch(/^PUBLIC ID +REQUESTS +ERRORS +REFUSED /);
    expect(table.out).toMatch(/^dddddddddddd +0 +0 +7 /m);
  });
});

describe("the rest", () => {
  it("doctor: all rows ok or warn here; exit 1 where something fails", async () => {
    const good = await run(["doctor", "--json"]);
    const { ok, checks } = JSON.parse(good.out) as { ok: boolean; checks: { name: string; status: string }[] };
    expect([good.code, ok]).toEqual([0, true]);
    expect(checks.map((check) => check.name)).toEqual(
      expect.arrayContaining([
        "config",
        "data folder",
        "free space",
        "database",
        "migrations",
        "clock",
        "redis",
        "credentials",
      ]),
    );
    expect(checks.find((check) => check.name === "migrations")?.status).toBe("ok");
    const bad = await run(["doctor"], {
      DATABASE_URL: "postgres://nobody@127.0.0.1:1/none",
      REDIS_URL: "redis://127.0.0.1:1",
    });
    expect(bad.code).toBe(1);
    expect(bad.out).toMatch(/fail +database +PostgreSQL cannot be reached/);
    expect(bad.out).toMatch(/fail +redis +cannot be reached/);
    const wrong = await run(["doctor"], { PORT: "x" });
    expect([wrong.code, /fail +config +PORT/.test(wrong.out)]).toEqual([1, true]);
  });

  it("config check: 0 or 78 with every mistake; writes nothing", async () => {
    expect((await run(["config", "check"])).out).toMatch(/^The configuration is right\./);
    const bad = await run(["config", "check", "--json"], { PORT: "x", TOLLGATE_ROLE: "king" });
    expect(bad.code).toBe(78);
    expect((JSON.parse(bad.out) as { mistakes: { path: string }[] }).mistakes.map(({ path }) => path).sort()).toEqual([
      "PORT",
      "TOLLGATE_ROLE",
    ]);
    expect((await run(["--config-file", "missing.toml", "config", "check"])).code).toBe(78);
  });

  it("migrate finds nothing to do on a migrated database; openapi prints the document", async () => {
    expect(await run(["migrate"])).toMatchObject({ code: 0, out: "The schema is up to date.\n" });
    const document = await run(["openapi"]);
    expect(JSON.parse(document.out)).toMatchObject({ openapi: "3.1.0" });
  });
});
