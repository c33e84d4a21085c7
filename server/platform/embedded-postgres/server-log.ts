import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from "node:fs";

/** At each start a log that has grown past this is moved to `postgres.log.1`, over the one before. */
const LOG_BYTES_MAX = 20 * 1024 * 1024;
const TAIL_BYTES_MAX = 16 * 1024;

/** One run's part of postgres.log: the descriptor that PostgreSQL writes to, and what it has written since. */
export interface ServerLog {
  readonly fd: number;
  /** The text that this run has added, its last 16 KiB at most. */
  read(): string;
  /** The line that tells best why the run failed: the last FATAL, PANIC or error, else the last line. */
  findFailure(): string;
  close(): void;
}

/** Opens the log for appending, rotating it first when it is larger than `bytesMax`. Readable by its owner only. */
export function openServerLog(file: string, bytesMax: number = LOG_BYTES_MAX): ServerLog {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > bytesMax) renameSync(file, `${file}.1`);
  const fd = openSync(file, "a+", 0o600);
  const start = fstatSync(fd).size;
  const read = (): string => {
    const from = Math.max(start, fstatSync(fd).size - TAIL_BYTES_MAX);
    const buffer = Buffer.alloc(TAIL_BYTES_MAX);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, TAIL_BYTES_MAX, from));
  };
  return {
    fd,
    read,
    findFailure: () => parseFailure(read()),
    close: () => closeSync(fd),
  };
}

function parseFailure(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const told = lines.findLast((line) => /FATAL:|PANIC:|error:/.test(line)) ?? lines.at(-1) ?? "it said nothing";
  return told.replace(/^.*?\[\d+\]\s+/, "").trim();
}
