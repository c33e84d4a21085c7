import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";

/**
 * Who runs where. The process under test has core 0 to itself; the load generator, the upstream and whatever else the
 * subject started (workers, PostgreSQL) share the others, so that nobody's load is taken from the subject's share.
 */
export interface Cores {
  readonly subject: string;
  readonly load: string;
  readonly shared: boolean;
}

/** The split for this machine. With one core everything shares it, and the figures are not worth much. */
export function getCores(): Cores {
  const count = availableParallelism();
  if (count < 2) return { subject: "0", load: "0", shared: true };
  return { subject: "0", load: count === 2 ? "1" : `1-${count - 1}`, shared: false };
}

/** Moves every thread of a running process to `cores` (taskset's list syntax). A process that has gone is no error. */
export function settleOnCores(pid: number, cores: string): void {
  try {
    execFileSync("taskset", ["-a", "-c", "-p", cores, String(pid)], { stdio: "ignore" });
  } catch (error) {
    if (isAlive(pid)) throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
