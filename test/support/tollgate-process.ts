import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findFreePort } from "../../server/platform/embedded-postgres/free-port.ts";
import { waitUntil } from "./wait-until.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The built command line, as `npm start` and `npx tollgate` run it. */
export const program = join(root, "dist/scripts/cli/main.js");

/** Which processes are ended: the gateway alone, PostgreSQL's postmaster, the workers, or everything at once. */
export type KillTarget = "node" | "postmaster" | "workers" | "tree";

/** A whole installation in a process tree of its own, started as a person starts it. */
export interface TollgateProcess {
  readonly pid: number;
  readonly url: string;
  readonly port: number;
  readonly home: string;
  readonly dataDir: string;
  /** `null` where it printed none. */
  adminKey(): string | null;
  demoKey(): string | null;
  /** Standard output and error so far. */
  output(): string;
  /** Resolves with the milliseconds from the start to `/readyz` answering 200; rejects with the output where it ends before. */
  ready(): Promise<number>;
  isRunning(): boolean;
  /** How the first process ended. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** A call to any route, JSON in, with the key as bearer unless it is `null`. */
  call(method: string, path: string, key: string | null, body?: unknown): Promise<Response>;
  /** `kill -9`; answers how many processes it went to. */
  kill(target: KillTarget): number;
  /** SIGINT goes to the whole process group, as a Ctrl-C does; SIGTERM to the process alone. */
  stop(signal?: "SIGTERM" | "SIGINT"): Promise<{ code: number | null; afterMs: number }>;
  /** Everything that still runs of this installation, whoever started it. */
  listProcesses(): number[];
}

export interface TollgateOptions {
  /** Its working directory, which holds `tollgate.toml` and the data; see {@link makeHome}. */
  home: string;
  /** A free one unless given. */
  port?: number;
  env?: Record<string, string>;
}

const homes: string[] = [];

/** A folder for one installation, with its config file. It goes with {@link endInstallations}. */
export function makeHome(config = ""): string {
  const home = mkdtempSync(join(tmpdir(), "tollgate-e2e-"));
  homes.push(home);
  mkdirSync(join(home, "data"));
  writeFileSync(join(home, "tollgate.toml"), config);
  return home;
}

/** Ends whatever tests left running and deletes their folders. For `afterEach`. */
export async function endInstallations(): Promise<void> {
  for (const home of homes.splice(0)) {
    await waitUntil(
      () => {
        for (const pid of listProcessesOf(home)) sendSignal(pid, "SIGKILL");
        return listProcessesOf(home).length === 0;
      },
      `nothing runs in ${home}`,
      10_000,
    );
    rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

/** Starts `tollgate start` and returns at once. */
export async function openTollgate(options: TollgateOptions): Promise<TollgateProcess> {
  const { home } = options;
  const dataDir = join(home, "data");
  const port = options.port ?? (await findFreePort(null));
  const url = `http://127.0.0.1:${port}`;
  const startedMs = performance.now();
  const child = spawn(process.execPath, [program, "start"], {
    cwd: home,
    // A group of its own: what a terminal would send to all of it must not reach the tests.
    detached: true,
    env: { PATH: process.env.PATH ?? "", PORT: String(port), TOLLGATE_DATA_DIR: dataDir, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const pid = child.pid ?? 0;
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  const output = (): string => Buffer.concat(chunks).toString();
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;

  const kill = (target: KillTarget): number => {
    const pids = target === "node" ? [pid] : findTargets(target, home, dataDir);
    for (const each of pids) sendSignal(each, "SIGKILL");
    return pids.length;
  };
  return {
    pid,
    url,
    port,
    home,
    dataDir,
    adminKey: () => /Admin key: (\S+)/.exec(output())?.[1] ?? null,
    demoKey: () => /Demo key: (\S+)/.exec(output())?.[1] ?? null,
    output,
    async ready() {
      await waitUntil(async () => !isRunning() || (await findStatus(`${url}/readyz`)) === 200, "/readyz", 60_000);
      if (!isRunning()) throw new Error(`it ended before it was ready:\n${output()}`);
      const readyMs = performance.now() - startedMs;
      // It answers a moment before it has written its keys.
      await waitUntil(() => !isRunning() || /Gateway\s+http/.test(output()), "its first screen", 10_000);
      return readyMs;
    },
    isRunning,
    ended,
    call: (method, path, key, body) =>
      fetch(url + path, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      }),
    kill,
    async stop(signal = "SIGTERM") {
      const sentMs = performance.now();
      if (isRunning()) sendSignal(signal === "SIGINT" ? -pid : pid, signal);
      const { code } = await ended;
      return { code, afterMs: performance.now() - sentMs };
    },
    listProcesses: () => listProcessesOf(home),
  };
}

/** The status that an address answers; 0 where nothing answers. */
export async function findStatus(url: string): Promise<number> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}

/** Secrets that two gateways on one database must share. */
export function makeSecretEnv(makeRandom: (bytes: number) => Buffer): Record<string, string> {
  return Object.fromEntries(
    ["TOLLGATE_PEPPER", "TOLLGATE_SEAL_KEY", "TOLLGATE_SESSION_SECRET"].map((name) => [
      name,
      makeRandom(48).toString("base64"),
    ]),
  );
}

function findTargets(target: Exclude<KillTarget, "node">, home: string, dataDir: string): number[] {
  switch (target) {
    case "tree":
      return listProcessesOf(home);
    case "workers":
      return listProcessesOf(home).filter((pid) => readProc(pid, "cmdline").includes("workers/main.js"));
    case "postmaster":
      return [Number(readFileSync(join(dataDir, "postgres/postmaster.pid"), "utf8").split("\n", 1)[0])];
  }
}

/** Whoever works in the folder, names it on its command line, or was told of it by its environment; zombies apart. */
export function listProcessesOf(home: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isSafeInteger(pid) && pid !== process.pid && isOf(home, pid));
}

function isOf(home: string, pid: number): boolean {
  if (/^State:\s+[ZX]/m.test(readProc(pid, "status"))) return false;
  if (readProc(pid, "cmdline").includes(home) || readProc(pid, "environ").includes(home)) return true;
  try {
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(home);
  } catch {
    return false;
  }
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}
