import { chmodSync, cpSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Binaries } from "./binaries.ts";

/**
 * A copy of the binaries under `parent` that every user can run (60 MB, made once per version), for a `node_modules` that
 * the user whom PostgreSQL is to run as cannot enter. Called by root.
 * @throws when the copy cannot be made, or what is there could have been put there by somebody else.
 */
export function loadSharedBinaries(binaries: Binaries, parent: string): Binaries {
  mkdirSync(parent, { recursive: true });
  const copy = join(parent, `tollgate-postgres-${binaries.packageVersion}`);
  if (lstatSync(copy, { throwIfNoEntry: false }) === undefined) {
    const draft = mkdtempSync(`${copy}.`);
    try {
      cpSync(binaries.native, draft, {
        recursive: true,
        verbatimSymlinks: true,
        filter: (source) => !source.endsWith(".a") && !source.endsWith("/pkgconfig"),
      });
      openToAll(draft);
      renameSync(draft, copy);
    } catch (error) {
      rmSync(draft, { recursive: true, force: true });
      if (lstatSync(copy, { throwIfNoEntry: false }) === undefined) throw error; // else another start was quicker
    }
  }
  const found = lstatSync(copy);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) {
    throw new Error(`${copy} in ${dirname(copy)} was not made by this user`);
  }
  return { ...binaries, native: copy };
}

/** Readable by all, executable by all where it was by its owner, writable by its owner only. */
function openToAll(path: string): void {
  const { mode, ...kind } = describe(path);
  if (kind.isLink) return;
  chmodSync(path, kind.isFolder || (mode & 0o100) !== 0 ? 0o755 : 0o644);
  if (kind.isFolder) for (const name of readdirSync(path)) openToAll(join(path, name));
}

function describe(path: string): { mode: number; isLink: boolean; isFolder: boolean } {
  const found = lstatSync(path);
  return { mode: found.mode, isLink: found.isSymbolicLink(), isFolder: found.isDirectory() };
}
