import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes the folder (0700) and those above it where they are missing. Unlike `mkdir` with `recursive`, which in Node 20 never
 * comes back from a place like /proc where the parent exists and the answer still is ENOENT.
 * @throws the system's error; ENOTDIR when something else has the name.
 */
export function loadDataFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (found !== undefined) throw new Error(`ENOTDIR: not a directory, '${path}'`);
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) loadDataFolder(parent);
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error; // somebody made it meanwhile
  }
}
