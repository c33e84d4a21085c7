import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CliRun, runCliHere } from "../support/cli-run.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";

let test: TestDatabase;
let folder: string;
beforeAll(async () => {
  test = await openTestDatabase();
  folder = mkdtempSync(join(tmpdir(), "tollgate-cli-limits-"));
});
afterAll(async () => {
  await test.close();
  rmSync(folder, { recursive: true, force: true });
});

function run(...args: string[]): Promise<CliRun> {
  return runCliHere(args, folder, {
    DATABASE_URL: test.url,
    TOLLGATE_PEPPER: "cli-test-pepper-Gq0v1W8yR2sT5uX7zB4dF6hJ9kL3mN",
    TOLLGATE_SEAL_KEY: "cli-test-seal-aZ1bY2cX3dW4eV5fU6gT7hS8iR9jQ0k",
    TOLLGATE_SESSION_SECRET: "cli-test-session-lP1mO2nN3oM4pL5qK6rJ7sI8tH9u",
  });
}

it("limits add, list and delete; what the config file says is listed too", async () => {
  writeFileSync(
    join(folder, "tollgate.toml"),
    '[[rate_limiting.rules]]\npriority = 3\ntokens_per_day = { capacity = 9, refill_rate = 3 }\n[[budgets]]\nlimit_usd = 7\nperiod = "week"\n',
  );
  const rule = await run(
    ...["limits", "add", "--limit", "requests_per_minute=5", "cost_per_day=0.5", "tokens_per_hour=10/2"],
    ...["--priority", "2", "--scope", "tag:team=tensorzero::each", "model=gpt-*", "--json"],
  );
  expect(rule).toMatchObject({ code: 0, error: "" });
  const made = JSON.parse(rule.out) as { id: string };
  expect(made).toMatchObject({
    source: "api",
    priority: 2,
    limits: { requests_per_minute: 5, cost_per_day: "0.5", tokens_per_hour: { capacity: 10, refill_rate: 2 } },
    scope: [{ tag_key: "team", tag_value: "tensorzero::each" }, { model: "gpt-*" }],
  });
  const budget = await run("limits", "add", "--budget-usd", "25", "--period", "30d", "--scope", "owner_id=ada");
  expect(budget.out).toMatch(/^budget_\w+ holds from now on\.\n$/);
  const { out } = await run("limits", "list");
  expect(out).toMatch(/rule_config0 +config +priority 3 +tokens_per_day=9\/3 +all calls/);
  expect(out).toMatch(/api +priority 2 +.*cost_per_day=0\.5.* +tag:team=tensorzero::each model=gpt-\*/);
  expect(out).toMatch(/budget_config0 +config +budget +7 USD per week \(UTC\) +all calls/);
  expect(out).toMatch(/api +budget +25 USD per 30d +owner_id=ada/);
  expect(await run("limits", "delete", made.id)).toMatchObject({ code: 0, out: `${made.id} is deleted.\n` });
  const left = JSON.parse((await run("limits", "list", "--json")).out) as { rules: unknown[]; budgets: unknown[] };
  expect([left.rules.length, left.budgets.length]).toEqual([1, 2]);
  rmSync(join(folder, "tollgate.toml"));
});

it("what is wrong says so: usage and input 2, refusals 1, the config file 78", async () => {
  expect((await run("limits", "add")).code).toBe(2);
  expect((await run("limits", "add", "--limit", "nonsense")).code).toBe(2);
  const refused = await run("limits", "add", "--limit", "apples_per_day=5", "--priority", "1");
  expect([refused.code, refused.error.includes("apples_per_day")]).toEqual([2, true]);
  expect((await run("limits", "delete", "rule_nobody")).code).toBe(1);
  expect((await run("limits", "delete", "budget_config0")).error).toContain("config file");
  writeFileSync(
    join(folder, "tollgate.toml"),
    "[[rate_limiting.rules]]\napples_per_day = 5\n[[budgets]]\nlimit_usd = -1\n",
  );
  const config = await run("config", "check");
  expect(config.code).toBe(78);
  for (const path of ["rules[0].apples_per_day", "rules[0]: ", "budgets[0].limit_usd", "budgets[0].period"]) {
    expect(config.error + config.out).toContain(path);
  }
  rmSync(join(folder, "tollgate.toml"));
});
