import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ConfigMistake } from "./config-error.ts";
import { parseSection } from "./config-section.ts";

/** Name of the file inside the data folder. */
export const secretsFileName = "secrets.json";

const secretsSchema = z.strictObject({
  pepper: z.string(),
  pepper_previous: z.string().optional(),
  seal_key: z.string(),
  seal_key_previous: z.string().optional(),
  session_secret: z.string(),
  leak_secret: z.string().optional(),
});

/** Plain texts as they stand in the file; not yet checked for strength. */
export type SecretTexts = z.infer<typeof secretsSchema>;

/** 32 bytes from the operating system as 64 hex digits. */
function makeSecretText(): string {
  return randomBytes(32).toString("hex");
}

/** Makes a fresh set, unequal to any other. */
export function makeSecretTexts(): SecretTexts {
  return { pepper: `1:${makeSecretText()}`, seal_key: makeSecretText(), session_secret: makeSecretText() };
}

/**
 * Reads the secrets of the data folder, whoever made them.
 *
 * @returns `null` where there is no such file, or after adding to `mistakes` why it cannot be used.
 */
export function loadSecretsFile(dataDir: string, mistakes: ConfigMistake[]): SecretTexts | null {
  const path = join(dataDir, secretsFileName);
  let text: string;
  try {
    const { mode } = statSync(path);
    if ((mode & 0o077) !== 0) {
      mistakes.push({
        path,
        found: `mode ${formatMode(mode)}: others than its owner may use it`,
        allowed: `must be 600: chmod 600 ${path}`,
      });
      return null;
    }
    const folderMode = statSync(dataDir).mode;
    if ((folderMode & 0o022) !== 0) {
      mistakes.push({
        path: dataDir,
        found: `mode ${formatMode(folderMode)}: others than its owner may put files there`,
        allowed: `must be 700: chmod 700 ${dataDir}`,
      });
      return null;
    }
    text = readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    const allowed = "must be a file that this user can read";
    mistakes.push({ path, found: `cannot be read (${code})`, allowed });
    return null;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const allowed =
      "must be the file that the first start wrote; restore it from a backup, for without it no key is known";
    mistakes.push({ path, found: "not JSON", allowed });
    return null;
  }
  const before = mistakes.length;
  // Values are secrets: only whether a field is right is said, never what was in it.
  const secrets = parseSection(secretsSchema, { value: hideWrongValues(value), path: [] }, mistakes);
  for (const mistake of mistakes.slice(before)) mistake.path = `${path}: ${mistake.path}`;
  return secrets;
}

/**
 * Writes the file unless there is one: whole or not at all, and of two processes that try at once one wins. Read it
 * afterwards with {@link loadSecretsFile}: it may be the other's.
 *
 * @returns false after adding to `mistakes` why it could not be written.
 */
export function insertSecretsFile(dataDir: string, secrets: SecretTexts, mistakes: ConfigMistake[]): boolean {
  const path = join(dataDir, secretsFileName);
  const draft = join(dataDir, `.${secretsFileName}.${randomBytes(8).toString("hex")}`);
  try {
    if (mkdirSync(dataDir, { recursive: true, mode: 0o700 }) !== undefined) chmodSync(dataDir, 0o700);
    writeDurably(draft, `${JSON.stringify(secrets, null, 2)}\n`);
    try {
      // A link is refused where the name is taken; a rename would replace the file that somebody else already uses.
      linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    syncFolder(dataDir);
    return true;
  } catch (error) {
    const allowed =
      "must be in a folder that this user can write; set TOLLGATE_DATA_DIR, or DATABASE_URL and the secrets in the environment";
    mistakes.push({ path, found: `cannot be written (${(error as NodeJS.ErrnoException).code})`, allowed });
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function hideWrongValues(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [name, typeof entry === "string" ? entry : []]),
  );
}

function formatMode(mode: number): string {
  return (mode & 0o777).toString(8).padStart(3, "0");
}
