import { rmSync } from "node:fs";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import type { Paths } from "./paths.ts";
import { findPostmasterFile } from "./postmaster-file.ts";
import { listProcessesIn } from "./processes.ts";
import { waitFor } from "./wait-for.ts";

/** How an orphan is asked to leave; each step only if the one before did not do. */
const STEPS: readonly { signal: NodeJS.Signals; timeoutMs: number }[] = [
  // Fast shutdown, which a watchdog may have begun already. Not for long: PostgreSQL 18.4 was seen (2 of 25 random kills) to wait for
  // ever when asked for it while it recovers from the kill of one of its servers.
  { signal: "SIGINT", timeoutMs: 5_000 },
  { signal: "SIGQUIT", timeoutMs: 5_000 }, // immediate: the next start recovers from the log
  { signal: "SIGKILL", timeoutMs: 5_000 },
];
/** Servers of a postmaster that was killed end by themselves when they next look; one that computes does not look. */
const STRAY_TIMEOUT_MS = 1_000;

/**
 * Makes sure that no PostgreSQL of an earlier owner works on the cluster. Only the owner of the data folder may call it.
 * @returns the pid that a stale `postmaster.pid` names, or null. The file itself is left to PostgreSQL, to which it also tells
 * which shared memory to look at; but that pid may by now be another program's, so PostgreSQL must be told to disregard it.
 * @throws EmbeddedPostgresError when a process cannot be stopped.
 */
export async function releaseOrphans(
  paths: Paths,
  onLog: (line: string) => void,
  signal?: AbortSignal,
): Promise<number | null> {
  const file = findPostmasterFile(paths.postmasterFile);
  const list = (): number[] => listProcessesIn(paths.cluster, "postgres");
  let alive = list();
  const postmaster = alive.find((pid) => pid === file?.pid);
  if (alive.length > 0 && postmaster === undefined) {
    await waitFor(() => list().length === 0, { timeoutMs: STRAY_TIMEOUT_MS, everyMs: 20, signal });
    alive = list();
  }
  for (const step of STEPS) {
    if (alive.length === 0) break;
    onLog(`stopping PostgreSQL left behind on ${paths.cluster} (${step.signal}, pid ${alive.join(", ")})`);
    for (const pid of step.signal === "SIGINT" && postmaster !== undefined ? [postmaster] : alive)
      endProcess(pid, step.signal);
    await waitFor(() => list().length === 0, { timeoutMs: step.timeoutMs, everyMs: 20, signal });
    alive = list();
  }
  if (alive.length > 0)
    throw new EmbeddedPostgresError(`process ${alive[0]} works on ${paths.cluster} and does not end`);
  // Without a pid PostgreSQL refuses the file for ever, and there is nothing in it to use.
  const left = findPostmasterFile(paths.postmasterFile);
  if (left !== null && left.pid === null) rmSync(paths.postmasterFile, { force: true });
  return left?.pid ?? null;
}

function endProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return;
    throw new EmbeddedPostgresError(`process ${pid} of another user works on this data folder: stop it`, {
      cause: error,
    });
  }
}
