import { linkSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { findCommandLine, findProcessIdentity, UNKNOWN_IDENTITY } from "./processes.ts";

/*
 * Node has no flock(2), and a lock file that a waiter deletes when its holder has died can be deleted twice. So the lock
 * is a row of numbered files, of which the highest counts, and the numbers only grow:
 *   - a file appears with its content in one step (link), so that nobody can read half of it;
 *   - whoever finds the highest one dead or released links the number after that very one; of two who try, one gets EEXIST;
 *   - whoever linked looks again, and steps back if a higher one is there: it had read an old list;
 *   - only files below one's own are deleted, and a release leaves the file there, empty of an owner.
 */
const PREFIX = "postgres.owner.";
const ATTEMPTS_MAX = 1_000;

export interface OwnerLock {
  /** Lets the next one in. May be called more than once. */
  release(): void;
}

/**
 * Makes this process the only owner of the data folder, until it releases it or dies, however it dies.
 * @throws EmbeddedPostgresError that names the living process which has it.
 */
export function reserveOwnerLock(dataDir: string): OwnerLock {
  const content = JSON.stringify({ pid: process.pid, identity: findProcessIdentity(process.pid) });
  const draft = join(dataDir, `${PREFIX}draft-${process.pid}`);
  writeFileSync(draft, content, { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const highest = findHighest(dataDir);
      const owner = findOwnerIn(dataDir, highest);
      if (owner !== null) throw makeInUseError(dataDir, owner);
      const mine = highest + 1;
      const file = join(dataDir, PREFIX + mine);
      if (!linkOnce(draft, file)) continue;
      if (findHighest(dataDir) !== mine) {
        rmSync(file, { force: true });
        continue;
      }
      for (const number of listNumbers(dataDir)) {
        if (number < mine) rmSync(join(dataDir, PREFIX + number), { force: true });
      }
      return { release: () => releaseFile(file) };
    }
    throw new Error("its lock file changes hands all the time");
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The pid of the living process that owns the data folder, or null. */
export function findOwner(dataDir: string): number | null {
  return findOwnerIn(dataDir, findHighest(dataDir));
}

function findOwnerIn(dataDir: string, number: number): number | null {
  if (number === 0) return null;
  try {
    const held: unknown = JSON.parse(readFileSync(join(dataDir, PREFIX + number), "utf8"));
    if (typeof held !== "object" || held === null || !("pid" in held) || typeof held.pid !== "number") return null;
    const identity = findProcessIdentity(held.pid);
    if (identity === null) return null;
    const isSame = "identity" in held && held.identity === identity;
    return isSame || identity === UNKNOWN_IDENTITY ? held.pid : null;
  } catch {
    return null; // released or replaced between the two reads, or emptied by a power loss
  }
}

function listNumbers(dataDir: string): number[] {
  try {
    return readdirSync(dataDir)
      .filter((name) => name.startsWith(PREFIX) && /^\d+$/.test(name.slice(PREFIX.length)))
      .map((name) => Number(name.slice(PREFIX.length)));
  } catch {
    return [];
  }
}

function findHighest(dataDir: string): number {
  return Math.max(0, ...listNumbers(dataDir));
}

function linkOnce(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function releaseFile(file: string): void {
  try {
    truncateSync(file);
  } catch {
    // The folder was deleted under us: nothing is held any more.
  }
}

function makeInUseError(dataDir: string, pid: number): EmbeddedPostgresError {
  const who = pid === process.pid ? "this very process" : `process ${pid} (${findCommandLine(pid)})`;
  return new EmbeddedPostgresError(
    `the data folder ${dataDir} is in use by ${who}: stop that one first, choose another TOLLGATE_DATA_DIR`,
  );
}
