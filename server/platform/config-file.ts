import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parse } from "smol-toml";
import { formatAllowedNames } from "../core/allowed-names.ts";
import { type ConfigMistake, formatConfigPath } from "./config-error.ts";
import { configFileSchema } from "./config-schema.ts";

/** The config file as it was read: TOML, not yet checked. */
export interface ConfigFile {
  sections: Readonly<Record<string, unknown>>;
  /** `null`: there is none. */
  path: string | null;
  /** First 12 hex digits of the SHA-256 of the text; of no text where there is no file. */
  hash: string;
  /** Relative paths in the file start here. */
  folder: string;
}

const defaultName = "tollgate.toml";

/**
 * Reads the config file: `named` (from `--config-file` or `TOLLGATE_CONFIG`), which must exist, else `./tollgate.toml`
 * where there is one. What cannot be read or parsed is added to `mistakes` and counts as an empty file.
 */
export function loadConfigFile(named: { path: string; from: string } | null, mistakes: ConfigMistake[]): ConfigFile {
  const path = resolve(named?.path ?? defaultName);
  const text = readText(path, named?.from ?? null, mistakes);
  return {
    sections: text === null || text === "" ? {} : parseSections(text, named?.path ?? defaultName, mistakes),
    path: text === null ? null : path,
    hash: createHash("sha256")
      .update(text ?? "")
      .digest("hex")
      .slice(0, 12),
    folder: dirname(path),
  };
}

/** `null`: no file was named, and there is none in the usual place. */
function readText(path: string, from: string | null, mistakes: ConfigMistake[]): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (from === null && code === "ENOENT") return null;
    const found = code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "not UTF-8 text" : `cannot be read (${code})`;
    mistakes.push({ path: from ?? path, found: `${path} ${found}`, allowed: "must be a readable TOML file in UTF-8" });
    return "";
  }
}

function parseSections(text: string, path: string, mistakes: ConfigMistake[]): Readonly<Record<string, unknown>> {
  let table: Readonly<Record<string, unknown>>;
  try {
    table = withoutDates(parse(text)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    // The message goes on with the line itself, which may hold anything; its first line says what is wrong.
    const { line, column, message } = error as Error & { line?: number; column?: number };
    const place = line === undefined ? path : `${path}:${line}:${column}`;
    const reason = message.split("\n", 1)[0]?.replace(/^Invalid TOML document: /, "");
    mistakes.push({ path: place, found: `not TOML: ${reason}`, allowed: "must be TOML 1.0" });
    return {};
  }
  return table;
}

/** Adds a mistake for each section that there is none of. */
export function checkSections(sections: Readonly<Record<string, unknown>>, mistakes: ConfigMistake[]): void {
  const known = Object.keys(configFileSchema.shape);
  for (const name of Object.keys(sections)) {
    if (known.includes(name)) continue;
    mistakes.push({
      path: formatConfigPath([name]),
      found: "unknown section",
      allowed: formatAllowedNames(name, known),
    });
  }
}

/** No key takes a date, but a date passes for an empty table. It becomes null, which TOML cannot say and no key takes. */
function withoutDates(value: unknown): unknown {
  if (value instanceof Date) return null;
  if (Array.isArray(value)) return value.map(withoutDates);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, withoutDates(entry)]));
}
