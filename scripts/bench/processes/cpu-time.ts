import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** The kernel reports process times in USER_HZ, which is 100 on every Linux that runs Node. */
const tickMs = 10;

/** CPU milliseconds (user and system, all threads) that a process has used so far, to 10 ms. */
export function getCpuMs(pid: number): number {
  return parseStat(readFileSync(`/proc/${pid}/stat`, "utf8")).cpuMs;
}

/** The sum over several processes; one that has ended counts nothing. */
export function getCpuMsOfAll(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    try {
      sum += getCpuMs(pid);
    } catch {
      // It ended between the listing and the reading.
    }
  }
  return sum;
}

/** Parent and CPU time from one line of `/proc/PID/stat`; the command name in it may hold spaces and brackets. */
export function parseStat(line: string): { parentPid: number; cpuMs: number } {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [parent, user, system] = [fields[1], fields[11], fields[12]].map(Number);
  if (parent === undefined || user === undefined || system === undefined || Number.isNaN(parent + user + system)) {
    throw new Error(`not a line of /proc/PID/stat: ${line.slice(0, 80)}`);
  }
  return { parentPid: parent, cpuMs: (user + system) * tickMs };
}

/**
 * Waits until the processes use no more than one tick in 200 ms, at most `timeoutMs`, so that work which a subject put
 * off (a journal to flush, a collection of garbage) is charged to the run that caused it.
 */
export async function settleCpu(getPids: () => readonly number[], timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  let before = getCpuMsOfAll(getPids());
  while (Date.now() < end) {
    await delay(200);
    const now = getCpuMsOfAll(getPids());
    if (now - before <= tickMs) return;
    before = now;
  }
}
