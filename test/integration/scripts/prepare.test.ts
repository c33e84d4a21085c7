import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const scripts = join(dirname(fileURLToPath(import.meta.url)), "../../../scripts");

/** Stands in for npm: notes its arguments, empties node_modules first and writes its record last, as npm does. */
const npmText = `
const fs = require("node:fs");
fs.appendFileSync("calls.log", "npm " + process.argv.slice(2).join(" ") + "\\n");
fs.rmSync("node_modules", { recursive: true, force: true });
fs.mkdirSync("node_modules");
if (fs.existsSync("npm-fails")) process.exit(7);
const end = () => {
  const packages = JSON.parse(fs.readFileSync("package-lock.json", "utf8")).packages;
  delete packages[""];
  delete packages["node_modules/for-another-system"];
  delete packages["node_modules/needed-by-another-system"];
  if (process.argv.includes("--omit=dev")) delete packages["node_modules/vitest"];
  fs.mkdirSync("node_modules/typescript/bin", { recursive: true });
  fs.copyFileSync("tsc.cjs", "node_modules/typescript/bin/tsc");
  fs.mkdirSync("node_modules/vite/bin", { recursive: true });
  if (fs.existsSync("vite.cjs")) fs.copyFileSync("vite.cjs", "node_modules/vite/bin/vite.js");
  fs.writeFileSync("node_modules/.package-lock.json", JSON.stringify({ packages }));
};
const wait = setInterval(() => {
  if (fs.existsSync("npm-waits")) return;
  clearInterval(wait);
  end();
}, 5);
`;

const tscText = `
const fs = require("node:fs");
fs.appendFileSync("calls.log", "tsc\\n");
for (const folder of ["server", "scripts/cli"]) {
  fs.mkdirSync("dist/" + folder, { recursive: true });
  for (const name of fs.readdirSync(folder)) {
    if (fs.readFileSync(folder + "/" + name, "utf8").includes("mistake")) process.exit(2);
    fs.writeFileSync("dist/" + folder + "/" + name.replace(".ts", ".js"), "");
  }
}
`;

const viteText = `
const fs = require("node:fs");
fs.appendFileSync("calls.log", "vite " + process.argv.slice(2).join(" ") + " as " + process.env.NODE_ENV + "\\n");
fs.mkdirSync("dist/web", { recursive: true });
fs.writeFileSync("dist/web/index.html", "");
`;

const locked = {
  "": { name: "somebody" },
  "node_modules/express": { version: "5.0.0", integrity: "a" },
  // An optional peer of something else: it stays in a production install.
  "node_modules/typescript": { version: "7.0.0", integrity: "b", devOptional: true },
  "node_modules/vitest": { version: "4.0.0", integrity: "d", dev: true },
  "node_modules/needed-by-another-system": { version: "1.0.0", optional: true },
  "node_modules/for-another-system": { version: "1.0.0", optional: true, os: [`!${process.platform}`] },
};

describe("prepare", () => {
  let folder: string;
  let started: ChildProcess[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tollgate-prepare-"));
    started = [];
    for (const name of ["scripts/cli", "server", "npm"]) mkdirSync(join(folder, name), { recursive: true });
    for (const name of ["prepare.mjs", "prepare-lock.mjs", "mend-driver.mjs"])
      cpSync(join(scripts, name), join(folder, "scripts", name));
    write("npm/npm-cli.js", npmText);
    write("tsc.cjs", tscText);
    write("server/main.ts", "");
    write("server/app.ts", "");
    write("scripts/cli/main.ts", "");
    writeLocked(locked);
  });

  afterEach(() => {
    for (const child of started) if (child.exitCode === null && child.signalCode === null) kill(child);
    rmSync(folder, { recursive: true, force: true });
  });

  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const has = (name: string) => existsSync(join(folder, name));
  const writeLocked = (packages: object) => write("package-lock.json", JSON.stringify({ packages }));
  const listCalls = () => (has("calls.log") ? readFileSync(join(folder, "calls.log"), "utf8").trim().split("\n") : []);
  /** With everything that it started: the child leads a process group. */
  const kill = (child: ChildProcess) => process.kill(-(child.pid as number), "SIGKILL");

  function start(args: string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn(
      process.execPath,
      [...args.filter((a) => a.startsWith("--import")), "scripts/prepare.mjs", ...args],
      {
        cwd: folder,
        detached: true,
        env: { ...process.env, NODE_ENV: "", npm_execpath: join(folder, "npm/npm-cli.js"), ...env },
      },
    );
    started.push(child);
    return child;
  }

  async function finish(child: ChildProcess): Promise<{ code: number; output: string }> {
    let output = "";
    child.stdout?.on("data", (chunk) => (output += String(chunk)));
    child.stderr?.on("data", (chunk) => (output += String(chunk)));
    const [code] = await once(child, "close");
    return { code: Number(code), output };
  }

  const prepare = (...args: string[]) => finish(start(args));

  it("builds the dashboard where it is missing or its sources changed, always for production", async () => {
    mkdirSync(join(folder, "web"));
    write("web/index.html", "<!doctype html>");
    write("vite.cjs", viteText);
    expect((await prepare("--build")).code).toBe(0);
    expect(listCalls().slice(1)).toEqual(["tsc", "vite build web --logLevel warn as production"]);
    expect(has("dist/web/index.html")).toBe(true);
    expect((await prepare("--build")).output).toBe("");
    expect(listCalls()).toHaveLength(3);

    write("web/page.tsx", "");
    expect((await prepare("--build")).code).toBe(0);
    rmSync(join(folder, "dist/web"), { recursive: true });
    expect((await prepare("--build")).code).toBe(0);
    expect(listCalls().filter((call) => call.startsWith("vite"))).toHaveLength(3);
    expect(listCalls().filter((call) => call === "tsc")).toHaveLength(1);
  });

  it("installs and compiles once, then has nothing to do and says nothing", async () => {
    const first = await prepare("--build");
    expect(first).toEqual({ code: 0, output: "Installing the locked dependencies (npm ci) …\nCompiling …\n" });
    expect(listCalls()).toEqual(["npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --include=dev", "tsc"]);
    expect(await prepare("--build")).toEqual({ code: 0, output: "" });
    expect(await prepare()).toEqual({ code: 0, output: "" });
    expect(listCalls()).toHaveLength(2);
  });

  it("does not compile without being asked", async () => {
    expect((await prepare()).code).toBe(0);
    expect(listCalls()).toHaveLength(1);
  });

  it("installs again when the lock file says something else", async () => {
    await prepare();
    writeLocked({ ...locked, "node_modules/express": { version: "5.0.1", integrity: "c" } });
    expect((await prepare()).output).toContain("Installing");
    writeLocked({ ...locked, "node_modules/zod": { version: "4.0.0" } });
    expect((await prepare()).output).toContain("Installing");
    writeLocked(locked);
    expect((await prepare()).output).toContain("Installing");
    expect((await prepare()).output).toBe("");
  });

  it("believes an install that somebody else made", async () => {
    await prepare();
    rmSync(join(folder, "node_modules/.tollgate-install"));
    expect(await prepare()).toEqual({ code: 0, output: "" });
  });

  it("asks once for an optional package that cannot be had, not at every start", async () => {
    writeLocked({
      ...locked,
      "node_modules/needed-by-another-system": { version: "1.0.0", optional: true },
      "node_modules/for-another-system": { version: "1.0.0", optional: true, os: [process.platform] },
    });
    await prepare();
    expect(await prepare()).toEqual({ code: 0, output: "" });
  });

  it("compiles again after a change, and forgets what has no source any more", async () => {
    await prepare("--build");
    utimesSync(join(folder, "server/main.ts"), 1, 1);
    expect((await prepare("--build")).output).toBe("Compiling …\n");
    rmSync(join(folder, "server/app.ts"));
    expect((await prepare("--build")).output).toBe("Compiling …\n");
    expect(has("dist/server/app.js")).toBe(false);
    expect(has("dist/server/main.js")).toBe(true);
  });

  it("fails with the compiler, and again the next time", async () => {
    write("server/main.ts", "mistake");
    expect((await prepare("--build")).code).toBe(1);
    const second = await prepare("--build");
    expect(second.code).toBe(1);
    expect(second.output).toContain("ended with exit code 2");
    write("server/main.ts", "");
    expect((await prepare("--build")).code).toBe(0);
  });

  it("fails with npm, and tries again the next time", async () => {
    write("npm-fails", "");
    const failed = await prepare();
    expect(failed.code).toBe(1);
    expect(failed.output).toContain("Cannot prepare this folder: ");
    expect(failed.output).toContain("ended with exit code 7");
    rmSync(join(folder, "npm-fails"));
    expect((await prepare()).code).toBe(0);
    expect(await prepare()).toEqual({ code: 0, output: "" });
  });

  it("installs again after an install that was killed", async () => {
    await prepare();
    writeLocked({ ...locked, "node_modules/zod": { version: "4.0.0" } });
    write("npm-waits", "");
    const killed = start([]);
    await vi.waitFor(() => expect(listCalls()).toHaveLength(2), { timeout: 5_000 });
    kill(killed);
    await once(killed, "close");
    rmSync(join(folder, "npm-waits"));
    // Even where the lock file is back at what the half-removed folder once held.
    writeLocked(locked);
    expect((await prepare()).output).toBe("Installing the locked dependencies (npm ci) …\n");
    expect(listCalls()).toHaveLength(3);
  });

  it("waits for an npm whose parent was killed", async () => {
    write("npm-waits", "");
    const killed = start([]);
    await vi.waitFor(() => expect(listCalls()).toHaveLength(1), { timeout: 5_000 });
    killed.kill("SIGKILL");
    await once(killed, "exit");
    const second = start([]);
    const finished = finish(second);
    await once(second.stderr as NodeJS.ReadableStream, "data");
    expect(listCalls()).toHaveLength(1);
    rmSync(join(folder, "npm-waits"));
    const { code, output } = await finished;
    expect({ code, first: output.split("\n")[0] }).toEqual({
      code: 0,
      first: "Waiting for another start that is preparing this folder …",
    });
  });

  it("installs and compiles once when three start together", async () => {
    const all = await Promise.all([prepare("--build"), prepare("--build"), prepare("--build")]);
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(listCalls()).toHaveLength(2);
    expect(has("dist/.prepare-lock")).toBe(false);
  });

  it("runs a production install with what was built, and does not compile", async () => {
    await prepare("--build");
    rmSync(join(folder, "node_modules"), { recursive: true });
    expect((await finish(start(["--build"], { NODE_ENV: "production" }))).code).toBe(0);
    expect(listCalls().at(-1)).toMatch(/--omit=dev$/);
    rmSync(join(folder, "node_modules/.tollgate-install"));
    utimesSync(join(folder, "server/main.ts"), 1, 1);
    expect(await prepare("--build")).toEqual({ code: 0, output: "" });
    expect((await prepare()).output).toContain("Installing");
  });

  it("names the Node that it needs", async () => {
    const old = "data:text/javascript,Object.defineProperty(process,'versions',{value:{node:'20.18.3'}})";
    const { code, output } = await prepare(`--import=${old}`);
    expect(code).toBe(1);
    expect(output).toMatch(/^Tollgate needs Node\.js 20\.19 or newer; this is v\d+/);
    expect(listCalls()).toEqual([]);
  });
});
