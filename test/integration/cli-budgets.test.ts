import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CliRun, runCliHere } from "../support/cli-run.ts";
import type { GatewayProcess } from "../support/gateway-process.ts";
import { openUsersGateway } from "../support/users-harness.ts";

let gateway: GatewayProcess;
let folder: string;
let publicId: string;
beforeAll(async () => {
  gateway = await openUsersGateway();
  folder = mkdtempSync(join(tmpdir(), "tollgate-cli-"));
  ({ publicId } = await gateway.makeKey({ alias: "metered", budgets: [{ limit_usd: "2", period: "month" }] }));
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

function run(...args: string[]): Promise<CliRun> {
  return runCliHere(["budgets", ...args], folder, { DATABASE_URL: gateway.database.url, ...gateway.secrets });
}

test("budgets are listed, topped up by key or window, and reset", async () => {
  expect(await run("list")).toMatchObject({ code: 0, out: "No budgets that were used.\n" });
  const topped = await run("top-up", publicId, "1.5");
  expect(topped).toMatchObject({ code: 0, error: "" });
  expect(topped.out).toMatch(/^extra +1\.5$/m);
  expect(topped.out).toMatch(/^remaining +3\.5$/m);
  const { windows } = JSON.parse((await run("list", "--subject", publicId, "--json")).out);
  expect(windows).toMatchObject([{ level: "key", period: "month", limit_usd: "2", extra_usd: "1.5", state: "open" }]);
  const [{ window_id: id }] = windows;
  await gateway.database.database.sql`
    update budget_window set settled_nano_usd = 3500000000 where window_id = ${id}`;
  const table = await run("list", "--state", "exhausted", "--level", "key");
  expect(table.out).toMatch(/^WINDOW +STATE +LIMIT +EXTRA +SPENT +RESERVED +REMAINING +RESETS$/m);
  expect(table.out).toContain(id);
  expect(JSON.parse((await run("reset", id, "--json")).out)).toMatchObject({ extra_usd: "3.5", remaining_usd: "2" });
}, 180_000);

test("processes are listed, and written off", async () => {
  const { sql } = gateway.database.database;
  await sql`insert into budget_process (process, seen_at) values ('gone', now() - interval '1 hour')`;
  const listed = await run("processes");
  expect(listed.out).toMatch(/^PROCESS +STATE +HELD +WINDOWS +STARTED +SEEN +CLOSED$/m);
  expect(listed.out).toMatch(/^gone +silent +0 +0 /m);
  expect(await run("write-off", "gone")).toMatchObject({
    code: 0,
    out: "gone is closed; 0 USD that it held are charged.\n",
  });
  const { processes } = JSON.parse((await run("processes", "--state", "closed", "--json")).out);
  expect(processes).toMatchObject([{ process: "gone", state: "closed" }]);
  const [live] = JSON.parse((await run("processes", "--state", "live", "--json")).out).processes;
  const refused = await run("write-off", live.process);
  expect(refused).toMatchObject({ code: 1, out: "" });
  expect(refused.error).toContain("seen within the last minute");
}, 180_000);

test("mistakes say what would be right", async () => {
  const cases: [args: string[], code: number, error: string][] = [
    [["top-up", "metered", "1"], 1, `did you mean ${publicId} (metered)?`],
    [["top-up", "key/none/month/0", "1"], 1, "`tollgate budgets list` shows them all"],
    [["top-up", publicId, "much"], 2, "amount_usd"],
    [["reset", publicId, "--period", "day"], 2, "must name one of the key's budgets: month"],
    [["write-off", "nobody"], 1, "`tollgate budgets processes` shows them all"],
    [["list", "--state", "empty"], 2, "open, exhausted, closed"],
  ];
  for (const [args, code, error] of cases) {
    const answer = await run(...args);
    expect([args, answer.code, answer.out]).toEqual([args, code, ""]);
    expect(answer.error).toContain(error);
  }
}, 180_000);
