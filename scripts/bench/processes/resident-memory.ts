import { readFileSync } from "node:fs";

/** Resident memory of a process in bytes (VmRSS). Throws when it has ended. */
export function getResidentBytes(pid: number): number {
  return parseResidentBytes(readFileSync(`/proc/${pid}/status`, "utf8"));
}

export function parseResidentBytes(status: string): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error("no VmRSS in /proc/PID/status");
  return Number(kilobytes) * 1024;
}
