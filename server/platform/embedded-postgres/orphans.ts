import { rmSync } from "node:fs";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import type { Paths } from "./paths.ts";
import { findPostmasterFile } from "./postmaster-file.ts";
import { findCommandLine, listProcessesIn } from "./processes.ts";
import { waitFor } from "./wait-for.ts";

/**
 * How an orphan is asked to leave; each step only if the one before did not do.
 *
 * The first is a fast shutdown, which goes to the postmaster and which a watchdog may have begun already. It is left out where there
 * is nothing to shut down in order:
 *   - while PostgreSQL recovers. 18.4 then waits for its checkpointer for ever (11 of 12 tries), so that the step is also short;
 *   - where the postmaster is gone. To a checkpointer SIGINT means "write the checkpoint of a clean shutdown", which would be a lie.
 * After an immediate shutdown the next start recovers from the log: nothing that was committed is lost.
 */
const STEPS = [
  { signal: "SIGINT", timeoutMs: 3_000 },
  { signal: "SIGQUIT", timeoutMs: 5_000 },
  { signal: "SIGKILL", timeoutMs: 5_000 },
] as const;
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
  const isRecovering =
    file?.status === "starting" || alive.some((pid) => findCommandLine(pid).startsWith("postgres: startup"));
  for (const step of postmaster === undefined || isRecovering ? STEPS.slice(1) : STEPS) {
    if (alive.length === 0) break;
    onLog(`stopping PostgreSQL left behind on ${paths.cluster} (${step.signal}, pid ${alive.join(", ")})`);
    const told = postmaster === undefined || step.signal === "SIGKILL" ? alive : [postmaster];
    for (const pid of told) endProcess(pid, step.signal);
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
