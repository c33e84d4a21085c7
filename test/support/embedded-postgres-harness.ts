import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import postgres from "postgres";

const REPO = fileURLToPath(new URL("../..", import.meta.url));
const CHILD = "dist/test/support/embedded-postgres-child.js";
const EVENT_TIMEOUT_MS = 30_000;

interface OwnerEvent {
  event: "opening" | "open" | "log" | "stopped" | "error";
  atMs: number;
  databaseUrl: string;
  port: number;
  pid: number;
  freshlyInitialised: boolean;
  line: string;
  name: string;
  message: string;
}

/** A node process that owns an embedded server, and what it has told so far. */
export interface Owner {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly events: OwnerEvent[];
  /** The first event of that kind (and, for a log, of that text); throws with everything told when it does not come. */
  event(kind: OwnerEvent["event"], text?: string): Promise<OwnerEvent>;
  /** Milliseconds in its own process from the call to the open server. */
  openMs(): number;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

export interface OwnerOptions {
  dataDir: string;
  uid?: number;
  /** Words before `node`. */
  prefix?: string[];
  /** The tree whose code it runs; this repository by default. */
  app?: string;
}

/** A killed process takes nothing from what the kernel was given: only a power loss needs the disk. */
const parameters = { fsync: "off" };
const owners: Owner[] = [];

export function startOwner(options: OwnerOptions): Owner {
  const app = options.app ?? REPO;
  const words = [...(options.prefix ?? []), process.execPath, CHILD];
  const [program = "", ...args] = [...words, JSON.stringify({ dataDir: options.dataDir, parameters })];
  const child = spawn(program, args, {
    cwd: app,
    stdio: ["pipe", "pipe", "pipe"],
    env: { PATH: process.env.PATH ?? "" },
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  const events: OwnerEvent[] = [];
  let errors = "";
  let isOver = false;
  child.stdin.on("error", () => {});
  child.stderr.on("data", (text) => {
    errors += text;
  });
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => events.push(JSON.parse(line)));
  child.once("close", () => {
    isOver = true;
  });
  const owner: Owner = {
    process: child,
    pid: child.pid ?? 0,
    events,
    async event(kind, text = "") {
      const found = await until(
        () => events.find((e) => e.event === kind && (e.line ?? "").includes(text)) ?? (isOver ? "over" : null),
        EVENT_TIMEOUT_MS,
      );
      if (found === null || found === "over") {
        throw new Error(`no ${kind} ${text} but ${JSON.stringify(events)} ${errors}`);
      }
      return found;
    },
    openMs: () => at(events, "open") - at(events, "opening"),
    async stop() {
      child.stdin.write("stop\n");
      await owner.event("stopped");
      await until(() => isOver, 5_000);
    },
    async kill() {
      child.kill("SIGKILL");
      await until(() => isOver || child.exitCode !== null || child.signalCode !== null, 5_000);
    },
  };
  owners.push(owner);
  return owner;
}

/** Ends what a failed test left behind and deletes its folders. */
export async function endAll(): Promise<void> {
  for (const owner of owners.splice(0)) await owner.kill();
  for (const folder of folders.splice(0)) {
    await until(() => listProcessesOf(folder).length === 0, 5_000);
    for (const pid of listProcessesOf(folder)) signalQuietly(pid);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

const folders: string[] = [];

export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tollgate-embedded-"));
  folders.push(folder);
  return folder;
}

/** Every process that works in the folder or names it, the owners apart: read from /proc and not by the code under test. */
export function listProcessesOf(folder: string): number[] {
  const known = new Set([process.pid, ...owners.map((owner) => owner.pid)]);
  if (process.platform !== "linux") {
    const lines = execFileSync("ps", ["-axo", "pid=,command="], { encoding: "utf8" }).split("\n");
    const pids = lines.filter((line) => line.includes(folder)).map((line) => Number.parseInt(line, 10));
    return pids.filter((pid) => !known.has(pid));
  }
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isSafeInteger(pid) && !known.has(pid) && isOf(folder, pid));
}

function isOf(folder: string, pid: number): boolean {
  try {
    if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))) return false;
    if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder)) return true;
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
  } catch {
    return false;
  }
}

export function findCommand(pid: number): string {
  try {
    if (process.platform !== "linux") {
      return basename(execFileSync("ps", ["-o", "comm=", "-p", String(pid)], { encoding: "utf8" }).trim());
    }
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}

export function signalQuietly(pid: number, signal: NodeJS.Signals = "SIGKILL"): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}

export async function until<T>(ask: () => T | null | false | undefined, timeoutMs: number): Promise<T | null> {
  for (const start = performance.now(); ; ) {
    const found = ask();
    if (found) return found;
    if (performance.now() - start > timeoutMs) return null;
    await sleep(5);
  }
}

/** Runs one statement on a connection of its own; tries again for as long as the server is not there. */
export async function runSql(url: string, statement: string, timeoutMs = 10_000): Promise<Record<string, unknown>[]> {
  for (const start = performance.now(); ; ) {
    const client = postgres(url, { max: 1, connect_timeout: 2, fetch_types: false, onnotice: () => {} });
    try {
      return [...(await client.unsafe(statement))];
    } catch (error) {
      const code = (error as { code?: string }).code ?? "";
      const isAway = /^(ECONN|CONNECT|57P0|CONNECTION)/.test(code);
      if (!isAway || performance.now() - start > timeoutMs) throw error;
      await sleep(20);
    } finally {
      await client.end({ timeout: 1 });
    }
  }
}

function at(events: OwnerEvent[], kind: OwnerEvent["event"]): number {
  return events.find((event) => event.event === kind)?.atMs ?? Number.NaN;
}
