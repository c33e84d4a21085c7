import { readdirSync, readFileSync } from "node:fs";
import { parseStat } from "./cpu-time.ts";

/** The living children of `pid` and theirs, without `pid` itself. */
export function listDescendants(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(entry);
    if (parent === undefined) continue;
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found: number[] = [];
  const open = [pid];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const own = children.get(next) ?? [];
    found.push(...own);
    open.push(...own);
  }
  return found;
}

function parentOf(entry: string): number | undefined {
  try {
    return parseStat(readFileSync(`/proc/${entry}/stat`, "utf8")).parentPid;
  } catch {
    return undefined; // it ended while we listed
  }
}
