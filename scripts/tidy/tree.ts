import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Folders that hold nothing of ours: what `.gitignore` lists, and the fixtures that have to break the rules. */
const ignoredFolders = new Set([
  ".git",
  ".tollgate",
  "node_modules",
  "dist",
  "coverage",
  "bench/raw",
  "test/browser/out",
  "test/fixtures",
]);
const binary = /\.(png|ico|woff2?|gz|log)$/;

/**
 * Loads every text file below a folder.
 *
 * @returns text by path below `root`, with `/`.
 */
export function loadTree(root: string, folder = ""): Map<string, string> {
  const tree = new Map<string, string>();
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (ignoredFolders.has(path) || ignoredFolders.has(entry.name) || binary.test(entry.name)) continue;
    if (entry.isDirectory()) for (const [inner, text] of loadTree(root, path)) tree.set(inner, text);
    else if (entry.isFile()) tree.set(path, readFileSync(join(root, path), "utf8"));
  }
  return tree;
}
