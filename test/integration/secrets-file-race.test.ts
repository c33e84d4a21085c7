import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../../server/platform/config.ts";

const root = join(import.meta.dirname, "../..");
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-secrets-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a umask does not open the file", () => {
  const dataDir = join(folder, "data");
  const before = process.umask(0);
  try {
    loadConfig({ env: { TOLLGATE_DATA_DIR: dataDir } });
  } finally {
    process.umask(before);
  }
  expect(statSync(join(dataDir, "secrets.json")).mode & 0o777).toBe(0o600);
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);
});

test("processes that start at once agree on the secrets, and leave one file", async () => {
  const dataDir = join(folder, "data");
  const script = `
    import { loadConfig } from ${JSON.stringify(join(root, "server/platform/config.ts"))};
    process.stdout.write("ready\\n");
    await new Promise((resolve) => process.stdin.on("end", resolve).resume());
    const config = loadConfig({ env: { TOLLGATE_DATA_DIR: ${JSON.stringify(dataDir)} } });
    process.stdout.write([config.peppers[0].value, config.sealKey, config.sessionSecret].map((secret) => secret.reveal()).join(" "));`;
  const children = Array.from({ length: 4 }, () => {
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      cwd: root,
      stdio: ["pipe", "pipe", "inherit"],
    });
    let output = "";
    let markReady = () => {};
    const ready = new Promise<void>((resolve) => {
      markReady = resolve;
    });
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      if (output.startsWith("ready\n")) markReady();
    });
    const ended = new Promise<string>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) =>
        code === 0 ? resolve(output.slice("ready\n".length)) : reject(new Error(`exit ${code}`)),
      );
    });
    return { child, ready, ended };
  });
  await Promise.all(children.map((one) => Promise.race([one.ready, one.ended])));
  for (const { child } of children) child.stdin.end();
  const seen = new Set(await Promise.all(children.map((one) => one.ended)));
  expect(seen.size).toBe(1);
  expect([...seen][0]).toMatch(/^[0-9a-f]{64} [0-9a-f]{64} [0-9a-f]{64}$/);
  expect(readdirSync(dataDir)).toEqual(["secrets.json"]);
}, 30_000);
