import { spawn } from "node:child_process";
import { findCommandLine, findProcessIdentity } from "../../server/platform/embedded-postgres/processes.ts";
import { waitUntil } from "./wait-until.ts";

/** A process that has ended and that its living parent does not wait for, and that parent, which lives until `end`. */
export async function startZombie(): Promise<{ pid: number; parentPid: number; end: () => void }> {
  const parent = spawn("/bin/sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const parentPid = parent.pid ?? 0;
  const pid = await new Promise<number>((resolve) => parent.stdout.once("data", (text) => resolve(Number(text))));
  // A shell might wait for its child; a `sleep` does not know of one.
  await waitUntil(() => findCommandLine(parentPid).startsWith("sleep"), "the shell has become a sleep");
  process.kill(pid, "SIGKILL");
  await waitUntil(() => findProcessIdentity(pid) === null, "the child has ended");
  process.kill(pid, 0); // throws unless it is still in the table
  return { pid, parentPid, end: () => parent.kill("SIGKILL") };
}
