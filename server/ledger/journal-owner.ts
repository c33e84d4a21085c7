import { readFileSync, readlinkSync } from "node:fs";

/** Who writes a journal folder: enough to tell later, on any machine, whether that process can still be alive. */
export interface JournalOwner {
  pid: number;
  /** Start time of the process in clock ticks since boot; "" where the system does not tell. */
  startedAt: string;
  /** Changes with every boot: a power loss may have cost what was not synced. */
  bootId: string;
  /** Process ids count only within one namespace. */
  pidNamespace: string;
  /** True on a folder that was taken over after another boot: its last records may be lost. */
  isUnsynced?: boolean;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function readStartTime(pid: number): string {
  const stat = readText(`/proc/${pid}/stat`);
  // The name in parentheses may hold spaces; field 22 counts from behind it.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function readPidNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** Describes this process. */
export function getJournalOwner(): JournalOwner {
  return {
    pid: process.pid,
    startedAt: readStartTime(process.pid),
    bootId: readText("/proc/sys/kernel/random/boot_id"),
    pidNamespace: readPidNamespace(),
  };
}

/**
 * Tells whether an owner is certainly dead. A process of another namespace cannot be looked up: it counts as dead only
 * once its folder has been silent (see `silentMs`), because its heartbeat file is written every few seconds.
 *
 * @param silentMs milliseconds since the folder's heartbeat.
 */
export function isOwnerDead(owner: JournalOwner, silentMs: number): boolean {
  const here = getJournalOwner();
  if (owner.bootId !== here.bootId || owner.pidNamespace !== here.pidNamespace) return silentMs > 60_000;
  if (owner.startedAt !== "") return readStartTime(owner.pid) !== owner.startedAt;
  try {
    process.kill(owner.pid, 0);
    return false;
  } catch {
    return true;
  }
}
