import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CliRun, runCliHere } from "../../support/cli-run.ts";
import type { GatewayProcess } from "../../support/gateway-process.ts";
import { program } from "../../support/tollgate-process.ts";
import { makeBrowser, openUsersGateway } from "../../support/users-harness.ts";

let gateway: GatewayProcess;
let folder: string;
beforeAll(async () => {
  gateway = await openUsersGateway();
  folder = mkdtempSync(join(tmpdir(), "tollgate-cli-"));
});
afterAll(async () => {
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

function run(...args: string[]): Promise<CliRun> {
  return runCliHere(["users", ...args], folder, { DATABASE_URL: gateway.database.url, ...gateway.secrets });
}

/** The same in a process, with something on standard input. */
function runWith(input: string, ...args: string[]): Promise<number | null> {
  const child = spawn(process.execPath, [program, "users", ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", DATABASE_URL: gateway.database.url, ...gateway.secrets },
    stdio: ["pipe", "ignore", "ignore"],
  });
  child.stdin.end(input);
  return new Promise((resolve) => child.on("close", resolve));
}

async function signInWith(email: string, password: string) {
  const browser = makeBrowser(gateway.url);
  const answer = await browser.send("POST", "/api/auth/sign-in/email", { email, password });
  return { browser, status: answer.status };
}

test("the first admin is made beside the database, with a password that is shown once", async () => {
  const made = await run("create", "--email", "Ada@Example.com", "--name", "Ada", "--admin");
  expect(made).toMatchObject({ code: 0, error: "" });
  const password = /Password \(shown once\): (\w{20})\n/.exec(made.out)?.[1] ?? "";
  const { browser, status } = await signInWith("ada@example.com", password);
  expect(status).toBe(200);
  expect((await browser.send("GET", "/admin/session")).body).toMatchObject({
    user: { email: "ada@example.com", name: "Ada", role: "admin" },
    plan: null,
  });
  expect((await browser.send("GET", "/admin/api-keys")).text).toContain("bootstrap-admin");
  const again = await run("create", "--email", "ada@example.com");
  expect(again).toMatchObject({ code: 1, out: "" });
  expect(again.error).toContain("There is a user with this e-mail.");
  const shown = await run("show", "ADA@example.com", "--json");
  expect(JSON.parse(shown.out)).toMatchObject({ email: "ada@example.com", role: "admin", key_count: 0 });
  expect(shown.out).not.toContain("password");
});

test("a password comes from standard input, never from the command line", async () => {
  expect(await runWith("given on standard input\n", "create", "--email", "grace@example.com", "--password-stdin")).toBe(
    0,
  );
  expect((await signInWith("grace@example.com", "given on standard input")).status).toBe(200);
  expect(await runWith("short\n", "update", "grace@example.com", "--password-stdin")).toBe(2);
  expect(await runWith("another one for her\n", "update", "grace@example.com", "--password-stdin")).toBe(0);
  expect((await signInWith("grace@example.com", "given on standard input")).status).toBe(401);
  expect((await signInWith("grace@example.com", "another one for her")).status).toBe(200);
});

test("plans, roles and states are changed, and mistakes are named", async () => {
  const made = await run("create", "--email", "linus@example.com", "--plan", "pro", "--json");
  const { id } = JSON.parse(made.out) as { id: string };
  const { browser } = await signInWith("linus@example.com", (JSON.parse(made.out) as { password: string }).password);
  for (const alias of ["one", "two", "three"]) {
    expect((await browser.send("POST", "/admin/api-keys", { alias })).status).toBe(201);
  }
  const lowered = await run("update", id, "--plan", "free");
  expect(lowered.out).toMatch(/plan +free\n/);
  expect(lowered.out).toMatch(/Disabled: [0-9a-z]{12} \(one\)\n/);
  const unknown = await run("update", id, "--plan", "gold");
  expect([unknown.code, unknown.error]).toEqual([2, expect.stringContaining("plan: must be one of free, pro")]);
  expect((await run("update", id)).code).toBe(2);
  expect((await run("show", "nobody@example.com")).code).toBe(1);
  expect((await run("disable", "linus@example.com")).out).toBe("linus@example.com is disabled.\n");
  expect((await browser.send("GET", "/admin/session")).status).toBe(401);
  expect((await run("enable", id)).out).toBe("linus@example.com is active.\n");
  const listed = await run("list", "--plan", "free", "--query", "linus");
  expect(listed.out).toMatch(/linus@example\.com +linus +member +free +active +3 /);
  expect((await run("delete", id)).code).toBe(0);
  expect((await run("delete", id)).code).toBe(1);
  const entries = await gateway.database.database.sql<{ actor: string; action: string }[]>`
    select actor, action from audit_entry where object_id = ${id} order by seq`;
  expect(entries.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
    "cli users.create",
    "cli users.update",
    "cli users.disable",
    "cli users.enable",
    "cli users.delete",
  ]);
});
