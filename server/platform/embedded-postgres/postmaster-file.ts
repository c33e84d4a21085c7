import { readFileSync } from "node:fs";

/**
 * PostgreSQL's own lock file, `postmaster.pid`.
 * Source: src/include/utils/pidfile.h (line 1 pid, 4 port, 8 status, padded with blanks).
 */
export interface PostmasterFile {
  /** Null when the file is empty or broken, as after a power loss. */
  readonly pid: number | null;
  readonly port: number | null;
  /** `starting` (also while it recovers), `ready` (accepts connections), `stopping`; empty when the file does not tell. */
  readonly status: string;
}

/** What the file says now, or null when there is none. */
export function findPostmasterFile(path: string): PostmasterFile | null {
  try {
    return parsePostmasterFile(readFileSync(path, "latin1"));
  } catch {
    return null;
  }
}

export function parsePostmasterFile(text: string): PostmasterFile {
  const lines = text.split("\n");
  return { pid: parseCount(lines[0]), port: parseCount(lines[3]), status: lines[7]?.trim() ?? "" };
}

function parseCount(line: string | undefined): number | null {
  const value = Number(line?.trim() || Number.NaN);
  return Number.isSafeInteger(value) && value > 0 ? value : null;
}
