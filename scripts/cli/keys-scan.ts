import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { CliFailure, type CliIo, writeJson } from "./cli-io.ts";
import { exitFailed, exitUsage } from "./exit.ts";
import { listKeysInFile, type ScanFinding } from "./scan-file.ts";

const skippedFolders = new Set(["node_modules", ".git"]);

interface ScanFlags {
  all?: boolean;
  json?: boolean;
}

/** `tollgate keys scan`: like a linter, exit 1 where it finds something. Needs neither database nor config. */
export function makeScanCommand(io: CliIo): Command {
  return new Command("scan")
    .description("Find keys in files, offline, by their checksum. Exit code 1 where there are any.")
    .argument("<paths...>", "files and folders")
    .option("--all", "also node_modules, .git and files that are no text")
    .option("--json", "print JSON")
    .action(async (paths: string[], flags: ScanFlags) => {
      const found: ScanFinding[] = [];
      let scanned = 0;
      let skipped = 0;
      const unreadable: string[] = [];
      for (const path of paths) await requirePath(path);
      for (const path of paths) {
        for await (const file of listFiles(path, flags.all === true, unreadable)) {
          const keys = await listKeysInFile(file, { binary: flags.all === true }).catch(() => undefined);
          if (keys === undefined) unreadable.push(file);
          else if (keys === null) skipped++;
          else {
            scanned++;
            found.push(...keys);
            if (flags.json === true) continue;
            for (const key of keys)
              io.out(`${key.file}:${key.line}:${key.column}: ${key.public_id} (${key.prefix}…)\n`);
          }
        }
      }
      if (flags.json === true) {
        writeJson(io, { keys: found, files_scanned: scanned, files_skipped: skipped, unreadable });
      }
      for (const file of unreadable) io.error(`${file}: cannot be read\n`);
      if (found.length > 0)
        throw new CliFailure(exitFailed, `${formatCount(found.length, "key")} in ${formatCount(scanned, "file")}.`);
      if (unreadable.length > 0) throw new CliFailure(exitFailed, "Not everything could be read.");
      if (flags.json !== true) io.out(`No keys in ${formatCount(scanned, "file")}.\n`);
    });
}

async function requirePath(path: string): Promise<void> {
  try {
    await stat(path);
  } catch {
    throw new CliFailure(exitUsage, `error: there is no file or folder ${path}`);
  }
}

/** Files below a path in the order of their names. Links are not followed: what they lead to is found where it is. */
async function* listFiles(path: string, all: boolean, unreadable: string[]): AsyncGenerator<string> {
  if ((await stat(path)).isFile()) {
    yield path;
    return;
  }
  const entries = await readdir(path, { withFileTypes: true }).catch(() => null);
  if (entries === null) {
    unreadable.push(path);
    return;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const inner = join(path, entry.name);
    if (entry.isFile()) yield inner;
    else if (entry.isDirectory() && (all || !skippedFolders.has(entry.name))) yield* listFiles(inner, all, unreadable);
  }
}

function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
