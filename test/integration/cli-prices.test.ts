import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { insertUsageEvents } from "../../db/queries/insert-usage-events.ts";
import { type CliRun, runCliHere } from "../support/cli-run.ts";
import { makeUsageEvent } from "../support/make-usage-event.ts";
import { expectPostgresLog } from "../support/postgres-log.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { program } from "../support/tollgate-process.ts";
import { waitUntil } from "../support/wait-until.ts";

let test: TestDatabase;
let folder: string;
beforeAll(async () => {
  test = await openTestDatabase();
  folder = mkdtempSync(join(tmpdir(), "tollgate-cli-prices-"));
  writeFileSync(
    join(folder, "tollgate.toml"),
    '[models.mine]\nrouting = ["e"]\n[models.mine.providers.e]\ntype = "vllm"\napi_base = "http://127.0.0.1:9/v1"\n',
  );
});
afterAll(async () => {
  await test.close();
  rmSync(folder, { recursive: true, force: true });
});

const makeEnv = () => ({
  DATABASE_URL: test.url,
  TOLLGATE_PEPPER: "cli-test-pepper-Gq0v1W8yR2sT5uX7zB4dF6hJ9kL3mN",
  TOLLGATE_SEAL_KEY: "cli-test-seal-aZ1bY2cX3dW4eV5fU6gT7hS8iR9jQ0k",
  TOLLGATE_SESSION_SECRET: "cli-test-session-lP1mO2nN3oM4pL5qK6rJ7sI8tH9u",
});
const run = (...args: string[]): Promise<CliRun> => runCliHere(args, folder, makeEnv());
const read = async (statement: string) => (await test.database.sql.unsafe<{ n: string }[]>(statement))[0]?.n ?? "none";

it("prices list, set and delete", async () => {
  expect((await run("prices", "list", "--unpriced")).out).toMatch(/mine +e +unpriced/);
  const set = await run("prices", "set", "mine", "--input", "1.25", "--output", "10", "--cached-input", "0.125");
  expect(set).toMatchObject({ code: 0, out: "mine costs 1.25 and 10 from now on.\n" });
  expect((await run("prices", "list")).out).toMatch(/mine +e +stored +1\.25 +10 +0\.125/);
  expect((await run("prices", "set", "mine", "--input", "x", "--output", "1")).code).not.toBe(0);
  expect(await run("prices", "delete", "mine")).toMatchObject({
    code: 0,
    out: "The stored price of mine is deleted.\n",
  });
  expect(await run("prices", "delete", "mine")).toMatchObject({ code: 1 });
});

it("usage rerate: a dry run tells, one that is killed leaves nothing half done, and nothing is done twice", async () => {
  expectPostgresLog(/connection to client lost|could not (send|receive) data/);
  const day = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 86_400_000;
  const events = Array.from({ length: 30_000 }, (_, index) =>
    makeUsageEvent(day + index, {
      model: "mine",
      provider: "e",
      inputTokens: 1_000,
      outputTokens: 0,
      costNanoUsd: index % 2 === 0 ? null : 500n,
      priceId: index % 2 === 0 ? "" : "old:1",
    }),
  );
  for (let start = 0; start < events.length; start += 5_000) {
    await insertUsageEvents(test.database.sql, "test", events.slice(start, start + 5_000));
  }
  await run("prices", "set", "mine", "--input", "1", "--output", "2");
  const from = new Date(day).toISOString().slice(0, 10);
  // The first one merges what is there; the dry run then sees it.
  const child = spawn(process.execPath, [program, "usage", "rerate", "--from", from], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", ...makeEnv() },
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.once("exit", (_code, signal) => resolve(signal)));
  await waitUntil(
    async () => Number(await read("select count(*) as n from usage_adjustment")) > 0,
    "it has begun",
    60_000,
  );
  child.kill("SIGKILL");
  expect(await ended).toBe("SIGKILL");
  const half = Number(await read("select count(*) as n from usage_adjustment"));
  expect(await read("select count(*) as n from rerate_run where finished_at is null and events > 0")).toBe("1");
  expect(half).toBeLessThan(30_000);

  const dry = JSON.parse((await run("usage", "rerate", "--from", from, "--dry-run", "--json")).out) as {
    events: number;
    delta_usd: string;
  };
  expect(dry.events).toBe(30_000 - half);
  const done = await run("usage", "rerate", "--from", from);
  expect(done.error).toMatch(/^\d+ %\n/);
  expect(done.out).toMatch(new RegExp(`^Run 2: ${30_000 - half} calls adjusted, [0-9.]+ USD in all\\.\n$`));
  // 1,000 tokens at 1 USD are 1,000,000 nano-USD; half of the calls had no cost, the others 500.
  expect(await read("select sum(delta_nano_usd) as n from usage_adjustment")).toBe(
    String(15_000n * 1_000_000n + 15_000n * (1_000_000n - 500n)),
  );
  expect(await read("select sum(cost_nano_usd) as n from usage_hour")).toBe(String(30_000n * 1_000_000n));
  expect(await read("select sum(unpriced_requests) as n from usage_hour")).toBe("0");
  const again = await run("usage", "rerate", "--from", from, "--model", "mine");
  expect(again.out).toBe("Run 3: 0 calls adjusted, 0 USD in all.\n");
});
