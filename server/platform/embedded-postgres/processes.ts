import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";

const isLinux = process.platform === "linux";

/** Said of a process that lives but of which this user may see no more. */
export const UNKNOWN_IDENTITY = "unknown";

/**
 * What tells this run of a pid from every other use of the same number (boot and start time), or null when no such
 * process lives. A zombie does not live: it holds nothing any more, but `kill(pid, 0)` still finds it.
 */
export function findProcessIdentity(pid: number): string | null {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  if (!isLinux) return findIdentityByPs(pid);
  const stat = read(`/proc/${pid}/stat`);
  if (stat === null) return isHidden(pid) ? UNKNOWN_IDENTITY : null;
  // The second field is the command in parentheses and may hold anything; what follows its last parenthesis is plain.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return null;
  return `${read("/proc/sys/kernel/random/boot_id")?.trim() ?? "boot"}/${fields[19] ?? "0"}`;
}

/** One line for a person: a process's command line, its program without folders, at most 80 characters; may be empty. */
export function findCommandLine(pid: number): string {
  const raw = isLinux ? read(`/proc/${pid}/cmdline`) : ps(["-o", "command=", "-p", String(pid)]);
  const line = (raw ?? "").replaceAll("\0", " ").trim();
  return line.replace(/^\/\S*\//, "").slice(0, 80);
}

/**
 * The pids that run in `dir` (or, where the system does not tell, name it in their command line), this process apart.
 * With `program`, only those that run a program of that name.
 */
export function listProcessesIn(dir: string, program?: string): number[] {
  return isLinux ? listByProc(dir, program) : listByPs(dir, program);
}

function listByProc(dir: string, program: string | undefined): number[] {
  const real = findRealPath(dir);
  const pids: number[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid) || pid === process.pid) continue;
    let cwd: string;
    try {
      cwd = readlinkSync(`/proc/${name}/cwd`);
    } catch {
      continue; // gone, a zombie, a kernel thread, or somebody else's
    }
    if (cwd !== real && !cwd.startsWith(`${real}/`) && cwd !== `${real} (deleted)`) continue;
    if (program !== undefined && read(`/proc/${name}/comm`)?.trim() !== program) continue;
    if (findProcessIdentity(pid) !== null) pids.push(pid);
  }
  return pids;
}

function listByPs(dir: string, program: string | undefined): number[] {
  const pids: number[] = [];
  for (const line of (ps(["-axo", "pid=,stat=,command="]) ?? "").split("\n")) {
    const match = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line);
    const [, pid, state, command] = match ?? [];
    if (pid === undefined || state === undefined || command === undefined) continue;
    if (Number(pid) === process.pid || state.startsWith("Z") || !command.includes(dir)) continue;
    // A watchdog shell names its program too; it ends when that does.
    if (program !== undefined && command.startsWith("/bin/sh ")) continue;
    if (program !== undefined && !new RegExp(`(^|/)${program}(\\s|$)`).test(command)) continue;
    pids.push(Number(pid));
  }
  return pids;
}

function findIdentityByPs(pid: number): string | null {
  const line = ps(["-o", "stat=,lstart=", "-p", String(pid)])?.trim();
  return line === undefined || line === "" || line.startsWith("Z") ? null : line.replace(/^\S+\s+/, "");
}

/** /proc may be mounted so that other users' processes are not seen; kill(2) still tells that they are there. */
function isHidden(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function ps(args: string[]): string | null {
  try {
    return execFileSync("ps", args, { encoding: "utf8", env: { PATH: "/usr/bin:/bin", LC_ALL: "C" }, stdio: "pipe" });
  } catch {
    return null;
  }
}

function findRealPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
