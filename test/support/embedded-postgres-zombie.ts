import { spawn } from "node:child_process";
import { findProcessIdentity } from "../../server/platform/embedded-postgres/processes.ts";
import { waitUntil } from "./wait-until.ts";

/** A process that has ended and that its living parent does not wait for, and that parent, which lives until `end`. */
export async function startZombie(): Promise<{ pid: number; parentPid: number; end: () => void }> {
  // By the time the child ends, the shell has become a `sleep`, which does not know of it.
  const parent = spawn("/bin/sh", ["-c", "sleep 0.3 & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const pid = await new Promise<number>((resolve) => parent.stdout.once("data", (text) => resolve(Number(text))));
  await waitUntil(() => findProcessIdentity(pid) === null, "the child has ended");
  process.kill(pid, 0); // throws unless it is still in the table
  return { pid, parentPid: parent.pid ?? 0, end: () => parent.kill("SIGKILL") };
}
