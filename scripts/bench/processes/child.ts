import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

export interface ChildSettings {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cores: string;
  /** Where its output goes: a file, so that a log line costs the child what it would cost in service, and us nothing. */
  readonly outputFile: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Answers true once the process serves; asked every 50 ms. */
  readonly isReady: () => Promise<boolean>;
  readonly readyTimeoutMs?: number;
}

export interface Child {
  readonly pid: number;
  readonly close: () => Promise<void>;
}

const outputCharactersMax = 4_000;
const killAfterMs = 20_000;
const running = new Set<ChildProcess>();
process.once("exit", () => {
  // Not SIGKILL: nginx's worker and Tollgate's children end by their parent's hand.
  for (const child of running) child.kill("SIGTERM");
});

/** Starts a pinned process and waits until it serves. Throws with its output when it ends or is not ready in time. */
export async function openChild(settings: ChildSettings): Promise<Child> {
  const output = openSync(settings.outputFile, "a");
  // taskset replaces itself by the command: the process id stays.
  const child = spawn("taskset", ["-c", settings.cores, settings.command, ...settings.args], {
    stdio: ["ignore", output, output],
    cwd: settings.cwd,
    env: { ...process.env, ...settings.env },
  });
  closeSync(output);
  running.add(child);
  const ended = once(child, "exit").finally(() => running.delete(child));
  ended.catch(() => {}); // a command that cannot be started is told below
  const close = async () => {
    if (!running.has(child)) return;
    child.kill("SIGTERM");
    const force = setTimeout(() => child.kill("SIGKILL"), killAfterMs);
    await ended.catch(() => {});
    clearTimeout(force);
  };
  const timeoutMs = settings.readyTimeoutMs ?? 30_000;
  const end = Date.now() + timeoutMs;
  while (!(await settings.isReady().catch(() => false))) {
    const problem = !running.has(child) ? "ended" : Date.now() > end ? `was not ready in ${timeoutMs} ms` : undefined;
    if (problem !== undefined) {
      await close();
      throw new Error(
        `${settings.name} ${problem}:\n${readFileSync(settings.outputFile, "utf8").slice(-outputCharactersMax)}`,
      );
    }
    await delay(50);
  }
  if (child.pid === undefined) throw new Error(`${settings.name} has no process id`);
  return { pid: child.pid, close };
}
