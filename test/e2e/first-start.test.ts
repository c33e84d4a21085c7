import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import {
  endInstallations,
  makeHome,
  openTollgate,
  program,
  type TollgateProcess,
} from "../support/tollgate-process.ts";
import { waitUntil } from "../support/wait-until.ts";

afterEach(endInstallations);

interface Run {
  code: number;
  out: string;
  error: string;
}

/** Runs a program beside an installation, in its folder and with its environment. */
function run(gateway: TollgateProcess, file: string, args: readonly string[]): Promise<Run> {
  const env = { PATH: process.env.PATH ?? "", TOLLGATE_DATA_DIR: gateway.dataDir };
  return new Promise((resolve) => {
    execFile(file, args, { cwd: gateway.home, env, timeout: 30_000 }, (error, out, errorText) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, error: errorText });
    });
  });
}

async function expectNothingLeft(gateway: TollgateProcess, withinMs = 1_000): Promise<void> {
  await waitUntil(() => gateway.listProcesses().length === 0, "nothing is left running", withinMs);
  expect(gateway.isRunning()).toBe(false);
}

test("first start: one screen, a curl that works as printed, its cost within 2 s; Ctrl-C ends all of it", async () => {
  const home = makeHome();
  const gateway = await openTollgate({ home });
  const coldMs = await gateway.ready();
  await waitUntil(() => gateway.output().includes("npx tollgate usage"), "the end of the banner");
  const screen = gateway.output();
  expect(screen.split("\n").length).toBeLessThanOrEqual(40);
  expect(screen.match(/Admin key: prod_[0-9a-z]{12}_[0-9A-Za-z]{48}$/gm)).toHaveLength(1);
  expect(screen.match(/Demo key: dev_[0-9a-z]{12}_[0-9A-Za-z]{48}$/gm)).toHaveLength(1);
  expect(screen).toContain(gateway.url);
  expect(screen).toContain(gateway.dataDir);

  const lines = screen.split("\n");
  const first = lines.findIndex((line) => line.trimStart().startsWith("curl "));
  const last = lines.findIndex((line, index) => index >= first && !line.endsWith("\\"));
  const command = lines.slice(first, last + 1).join("\n");
  // Only what a person would not type is added: the status behind the answer.
  const curl = await run(gateway, "sh", [
    "-c",
    `${command.trim()} --silent --show-error --write-out '\\n%{http_code}'`,
  ]);
  expect(curl.error).toBe("");
  const [body = "", status] = curl.out.split(/\n(?=\d+$)/);
  expect(status).toBe("200");
  expect(JSON.parse(body).choices[0].message.content).toBe("Hello, Tollgate!");
  const answeredMs = performance.now();

  await waitUntil(
    async () => {
      const answer = await gateway.call("GET", "/admin/usage?group_by=key", gateway.adminKey());
      return ((await answer.json()) as { rows: unknown[] }).rows.length > 0;
    },
    "the call in the usage",
    10_000,
  );
  const usageMs = performance.now() - answeredMs;
  const usage = await run(gateway, process.execPath, [program, "usage", "--by", "key,model", "--json"]);
  expect(usage.code).toBe(0);
  const { rows } = JSON.parse(usage.out);
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({ model: "echo::hello", requests: 1, errors: 0, input_tokens: 4, output_tokens: 4 });
  expect(rows[0].public_id).toBe(gateway.demoKey()?.split("_")[1]);
  // 4 tokens at 1 USD and 4 at 2 USD per million.
  expect(Number(rows[0].cost_usd)).toBe(0.000012);
  expect(usageMs).toBeLessThan(2_000);

  await waitUntil(async () => (await gateway.call("GET", "/health", null)).status === 200, "all parts are well");
  // A browser keeps one ready.
  const silent = connect(gateway.port, "127.0.0.1").on("error", () => undefined);
  const end = await gateway.stop("SIGINT");
  silent.destroy();
  expect(end).toMatchObject({ code: 0 });
  // The watchdog's shell may still be in a nap of a tenth of a second.
  await expectNothingLeft(gateway, 2_000 - end.afterMs);

  const again = await openTollgate({ home });
  const warmMs = await again.ready();
  await waitUntil(() => again.output().includes("Tollgate is ready."), "the banner");
  expect(again.output()).not.toMatch(/(prod|dev)_[0-9a-z]{12}_/);
  const withOldKey = await again.call("GET", "/admin/api-keys", gateway.adminKey());
  expect(withOldKey.status).toBe(200);
  await withOldKey.arrayBuffer();
  expect(await again.stop()).toMatchObject({ code: 0 });
  await expectNothingLeft(again);

  // The bar is 3 s when installed; twice that is left to a machine that does other things too.
  console.info(
    `first start ready after ${Math.round(coldMs)} ms, second after ${Math.round(warmMs)} ms; ` +
      `usage told after ${Math.round(usageMs)} ms; Ctrl-C ended all after ${Math.round(end.afterMs)} ms`,
  );
  expect(coldMs).toBeLessThan(15_000);
  expect(warmMs).toBeLessThan(15_000);
});

test("an occupied port: one clear line, exit 1, nothing left running", async () => {
  const occupant = createServer();
  await new Promise<void>((resolve) => occupant.listen(0, "127.0.0.1", resolve));
  const { port } = occupant.address() as AddressInfo;
  const gateway = await openTollgate({ home: makeHome(), port });
  expect(await gateway.ended).toEqual({ code: 1, signal: null });
  await waitUntil(() => gateway.output().includes("PORT"), "what to do about it");
  expect(gateway.output()).toContain(`127.0.0.1:${port}`);
  expect(gateway.output()).toContain("set PORT to another one");
  expect(gateway.output()).not.toContain("    at ");
  // Nobody could ask for these keys again.
  expect(gateway.output()).not.toContain("Tollgate is ready.");
  await expectNothingLeft(gateway);
  await new Promise((resolve) => occupant.close(resolve));
});

test("a start that failed at its port has not eaten the first keys: the next one prints them", async () => {
  const occupant = createServer();
  await new Promise<void>((resolve) => occupant.listen(0, "127.0.0.1", resolve));
  const { port } = occupant.address() as AddressInfo;
  const home = makeHome();
  const failed = await openTollgate({ home, port });
  expect(await failed.ended).toMatchObject({ code: 1 });
  await new Promise((resolve) => occupant.close(resolve));
  const gateway = await openTollgate({ home });
  await gateway.ready();
  await waitUntil(() => gateway.adminKey() !== null, "the admin key");
  expect(gateway.demoKey()).not.toBeNull();
});

test("a wrong configuration: every mistake at once, exit 78, nothing left behind", async () => {
  const home = makeHome('[gateway]\ndrain_seconds = "long"\nunheard_of = 1\n[keys]\nexpiry_days_max = 0\n');
  const gateway = await openTollgate({ home, env: { HOST: "300.1.1.1" } });
  expect(await gateway.ended).toEqual({ code: 78, signal: null });
  await waitUntil(() => gateway.output().includes("HOST"), "the list");
  for (const path of ["gateway.drain_seconds", "gateway.unheard_of", "keys.expiry_days_max", "HOST"]) {
    expect(gateway.output()).toContain(`  ${path}: `);
  }
  await expectNothingLeft(gateway);
});

test("a second start on the same data says who has it, and the first goes on", async () => {
  const home = makeHome();
  const gateway = await openTollgate({ home });
  await gateway.ready();
  const second = await openTollgate({ home });
  expect(await second.ended).toEqual({ code: 1, signal: null });
  await waitUntil(() => second.output().includes("in use"), "who has it");
  expect(second.output()).toContain(`process ${gateway.pid}`);
  expect((await gateway.call("GET", "/readyz", null)).status).toBe(200);
  writeFileSync(join(home, "after.txt"), "still writable");
  expect(await gateway.stop("SIGINT")).toMatchObject({ code: 0 });
  await expectNothingLeft(gateway);
});
