// A file that one process at a time holds. It names its holder and the holder's child, so that a killed holder blocks nobody
// for longer than its child lives.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const waitMs = 15 * 60_000;
const pollMs = 50;

/**
 * Waits until the lock is free, and takes it. The holder gives it back by deleting the file.
 *
 * @param {string} lock
 * @throws {Error} where another process holds it for 15 minutes.
 */
export async function takeLock(lock) {
  fs.mkdirSync(path.dirname(lock), { recursive: true });
  const untilMs = Date.now() + waitMs;
  for (let isTold = false; ; ) {
    try {
      return fs.writeFileSync(lock, String(process.pid), { flag: "wx" });
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
    if (isStale(lock)) deleteStaleLock(lock);
    else if (Date.now() > untilMs) throw new Error(`another start holds ${lock}; remove the file if none is running`);
    else {
      if (!isTold) console.error("Waiting for another start that is preparing this folder …");
      isTold = true;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}

/**
 * Adds the child that does the work now.
 *
 * @param {string} lock
 * @param {number | undefined} childPid
 */
export function updateLock(lock, childPid) {
  fs.writeFileSync(lock, [process.pid, childPid ?? ""].join(" "));
}

/** @param {string} file */
function readText(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return null;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    // A zombie answers too, and in a container without an init it stays one for ever.
    return pid !== process.pid && !/\) [ZX] /.test(readText(`/proc/${pid}/stat`) ?? "");
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

/**
 * True where the holder and its child are gone, or the machine was started since.
 *
 * @param {string} lock
 */
function isStale(lock) {
  const stat = fs.statSync(lock, { throwIfNoEntry: false });
  const text = readText(lock);
  if (stat === undefined || text === null) return false;
  const ageMs = Date.now() - stat.mtimeMs;
  // Killed between making the file and writing its name into it.
  if (text === "") return ageMs > 10_000;
  return ageMs > os.uptime() * 1000 + 5_000 || !text.split(" ").filter(Boolean).map(Number).some(isAlive);
}

/**
 * Only one process at a time looks and deletes; else a second one would delete the first one's fresh lock.
 *
 * @param {string} lock
 */
function deleteStaleLock(lock) {
  const guard = `${lock}-check`;
  try {
    fs.mkdirSync(guard);
  } catch {
    const stat = fs.statSync(guard, { throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - stat.mtimeMs > 10_000) fs.rmSync(guard, { recursive: true, force: true });
    return;
  }
  try {
    if (isStale(lock)) fs.rmSync(lock, { force: true });
  } finally {
    fs.rmSync(guard, { recursive: true, force: true });
  }
}
