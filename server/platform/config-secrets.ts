import { join } from "node:path";
import { Secret } from "../core/secret.ts";
import type { VersionedSecret } from "./config.ts";
import type { Environment } from "./config-environment.ts";
import type { ConfigMistake } from "./config-error.ts";
import {
  insertSecretsFile,
  loadSecretsFile,
  makeSecretTexts,
  type SecretTexts,
  secretsFileName,
} from "./secrets-file.ts";

export interface Secrets {
  /** Newest first. */
  peppers: readonly VersionedSecret[];
  sealKey: Secret;
  /** Newest first; {@link sealKey} is the first of them. */
  sealKeys: readonly VersionedSecret[];
  sessionSecret: Secret;
  /** Under which reports of leaked keys are signed; `null`: only admins report. */
  leakSecret: Secret | null;
}

export interface SecretsPlace {
  env: Environment;
  dataDir: string;
  /** Without an own database the data folder keeps the secrets too. */
  embedded: boolean;
  /** False: a missing file is not written; the secrets of this run are then thrown away with it. */
  mayWrite: boolean;
}

interface Entry {
  name: keyof SecretTexts;
  /** The environment variable, or the field of the file, that holds it. */
  path: string;
  text: string;
}

const variables: Readonly<Record<keyof SecretTexts, string>> = {
  pepper: "TOLLGATE_PEPPER",
  pepper_previous: "TOLLGATE_PEPPER_PREVIOUS",
  seal_key: "TOLLGATE_SEAL_KEY",
  seal_key_previous: "TOLLGATE_SEAL_KEY_PREVIOUS",
  session_secret: "TOLLGATE_SESSION_SECRET",
  leak_secret: "TOLLGATE_LEAK_SECRET",
};
const required = ["pepper", "seal_key", "session_secret"] as const;
const bytesMin = 32;
const versionMax = 32_767;
const advice = `make one with: openssl rand -base64 48`;

/**
 * Finds the secrets that the gateway cannot work without: in the environment, else, with the embedded PostgreSQL, in
 * the data folder, where the first start writes them. Short, guessable and equal ones are mistakes.
 *
 * @returns `null` where something was added to `mistakes`.
 */
export function loadSecrets(place: SecretsPlace, mistakes: ConfigMistake[]): Secrets | null {
  const before = mistakes.length;
  const entries = findEntries(place, mistakes);
  for (const entry of entries) checkStrength(entry, mistakes);
  checkDifferent(entries, mistakes);
  const byName = new Map(entries.map((entry) => [entry.name, entry]));
  const peppers = parseVersions(byName.get("pepper"), byName.get("pepper_previous"), "pepper", mistakes);
  const sealKeys = parseVersions(byName.get("seal_key"), byName.get("seal_key_previous"), "seal key", mistakes);
  const [sealKey] = sealKeys;
  const sessionSecret = byName.get("session_secret");
  if (mistakes.length > before || sealKey === undefined || sessionSecret === undefined) return null;
  const leakSecret = byName.get("leak_secret");
  return {
    peppers,
    sealKey: sealKey.value,
    sealKeys,
    sessionSecret: new Secret(sessionSecret.text),
    leakSecret: leakSecret === undefined ? null : new Secret(leakSecret.text),
  };
}

function findEntries(place: SecretsPlace, mistakes: ConfigMistake[]): Entry[] {
  const before = mistakes.length;
  const names = Object.keys(variables) as (keyof SecretTexts)[];
  const entries: Entry[] = [];
  for (const name of names) {
    const text = place.env[variables[name]];
    if (text !== undefined) entries.push({ name, path: variables[name], text: text.trim() });
  }
  const missing = required.filter((name) => !entries.some((entry) => entry.name === name));
  if (missing.length === 0) return entries;
  if (!place.embedded) {
    for (const name of missing) {
      mistakes.push({
        path: variables[name],
        found: "not set",
        allowed: `must be set when DATABASE_URL is; ${advice}`,
      });
    }
    return entries;
  }
  const file = findFile(place, mistakes);
  if (file === null || mistakes.length > before) return entries;
  for (const name of names) {
    const text = file[name];
    if (text === undefined || entries.some((entry) => entry.name === name)) continue;
    entries.push({ name, path: `${join(place.dataDir, secretsFileName)}: ${name}`, text: text.trim() });
  }
  return entries;
}

function findFile(place: SecretsPlace, mistakes: ConfigMistake[]): SecretTexts | null {
  const before = mistakes.length;
  const existing = loadSecretsFile(place.dataDir, mistakes);
  if (existing !== null || mistakes.length > before) return existing;
  const fresh = makeSecretTexts();
  if (!place.mayWrite) return fresh;
  return insertSecretsFile(place.dataDir, fresh, mistakes) ? loadSecretsFile(place.dataDir, mistakes) : null;
}

/** Words of examples and of habit. None can come up by chance in a random text, as hex or as base64. */
const giveaways = /change.?me|replace.?(me|with)|example|placeholder|password|insecure|default|tollgate|lorem.?ipsum/i;

function checkStrength({ name, path, text }: Entry, mistakes: ConfigMistake[]): void {
  const value = /^(pepper|seal_key)/.test(name) ? (text.split(/^\d+:/).at(-1) ?? "") : text;
  const bytes = Buffer.byteLength(value);
  const found =
    value === ""
      ? "empty"
      : bytes < bytesMin
        ? `too short, ${bytes} bytes`
        : giveaways.test(value)
          ? "an example or default value"
          : new Set(value).size < 8 || isRepetition(value)
            ? "too regular to be random"
            : null;
  if (found !== null) mistakes.push({ path, found, allowed: `must be ${bytesMin} random bytes or more; ${advice}` });
}

/** True for one piece of at most 16 characters over and over. */
function isRepetition(text: string): boolean {
  for (let length = 1; length <= 16; length++) {
    if (text.slice(length) === text.slice(0, -length)) return true;
  }
  return false;
}

function checkDifferent(entries: readonly Entry[], mistakes: ConfigMistake[]): void {
  const bare = (entry: Entry): string => entry.text.replace(/^\d+:/, "");
  entries.forEach((entry, index) => {
    const twin = entries.slice(0, index).find((other) => bare(other) === bare(entry));
    if (twin === undefined || bare(entry) === "") return;
    mistakes.push({
      path: entry.path,
      found: `the same as ${twin.path}`,
      allowed: `each secret must be its own; ${advice}`,
    });
  });
}

/** `VERSION:TEXT`; without a version it is 1. The version stands on the rows that it was used for, so it must not be used twice. */
function parseVersion({ path, text }: Entry, mistakes: ConfigMistake[]): VersionedSecret | null {
  const match = /^(?:(\d+):)?(.*)$/s.exec(text);
  const version = Number(match?.[1] ?? "1");
  if (Number.isInteger(version) && version >= 1 && version <= versionMax) {
    return { version, value: new Secret(match?.[2] ?? "") };
  }
  mistakes.push({
    path,
    found: `version ${version}`,
    allowed: `must be VERSION:TEXT with a version of 1 to ${versionMax}`,
  });
  return null;
}

function parseVersions(
  current: Entry | undefined,
  previous: Entry | undefined,
  what: string,
  mistakes: ConfigMistake[],
): VersionedSecret[] {
  const newest = current === undefined ? null : parseVersion(current, mistakes);
  const older = previous === undefined ? null : parseVersion(previous, mistakes);
  if (newest !== null && older !== null && previous !== undefined && older.version >= newest.version) {
    mistakes.push({
      path: previous.path,
      found: `version ${older.version}`,
      allowed: `must be lower than that of the current ${what}, which is ${newest.version}; write them as VERSION:TEXT`,
    });
  }
  return [newest, older].filter((secret) => secret !== null);
}
