import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { insertUsageEvents } from "../../db/queries/insert-usage-events.ts";
import { type CliRun, runCliHere } from "../support/cli-run.ts";
import { makeUsageEvent } from "../support/make-usage-event.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";

let cloned: TestDatabase;
const folder = mkdtempSync(join(tmpdir(), "tollgate-reconcile-"));
beforeAll(async () => {
  cloned = await openTestDatabase();
});
afterAll(async () => {
  await cloned.close();
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]): Promise<CliRun> =>
  runCliHere(["usage", "reconcile", ...args], folder, {
    DATABASE_URL: cloned.url,
    TOLLGATE_PEPPER: "cli-test-pepper-Gq0v1W8yR2sT5uX7zB4dF6hJ9kL3mN",
    TOLLGATE_SEAL_KEY: "cli-test-seal-aZ1bY2cX3dW4eV5fU6gT7hS8iR9jQ0k",
    TOLLGATE_SESSION_SECRET: "cli-test-session-lP1mO2nN3oM4pL5qK6rJ7sI8tH9u",
  });

test("usage reconcile: 0 where the books agree, 1 where they do not, and --repair puts them right", async () => {
  await insertUsageEvents(cloned.database.sql, "test", [makeUsageEvent(Date.now())]);
  expect(await run()).toMatchObject({ code: 0, out: expect.stringContaining("Ledger, rollups and budgets agree.") });

  // Said to be in the hours, and is not.
  await cloned.database.sql`update usage_part set merged_at = now()`;
  const told = await run();
  expect([told.code, told.out, told.error]).toEqual([
    1,
    expect.stringMatching(/hour +lost/),
    expect.stringContaining("1 of 1 differences are not repaired."),
  ]);
  const repaired = await run("--repair", "--json");
  expect(repaired.code).toBe(0);
  expect(JSON.parse(repaired.out)).toMatchObject({
    found: 1,
    repaired: 1,
    differences: [{ cause: "lost", repaired: true }],
  });
  expect(await run("--json")).toMatchObject({ code: 0 });
  const [hour] = await cloned.database.sql`select requests::int from usage_hour`;
  expect(hour).toEqual({ requests: 1 });
  const [entry] = await cloned.database.sql`select actor, action, after->>'repaired' as repaired from audit_entry`;
  expect(entry).toMatchObject({ action: "usage.reconcile", repaired: "1" });
});

test("a number of days that is none is a wrong use", async () => {
  expect(await run("--days", "many")).toMatchObject({ code: 2, error: expect.stringContaining("--days") });
});
