import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { ProviderTypeDefaults } from "../core/provider-type.ts";
import { Secret } from "../core/secret.ts";
import type { CredentialLocation } from "./config-schema.ts";

/** Where credentials are looked up. */
export interface CredentialSources {
  env: Readonly<Record<string, string | undefined>>;
  /** Relative paths of `path::` start here. */
  folder: string;
}

export type FoundCredential =
  | { kind: "found"; credential: Secret | null }
  /** The location is right and nothing usable is there. */
  | { kind: "missing"; reason: string }
  /** The location itself is not right. */
  | { kind: "invalid"; found: string; allowed: string };

type CredentialKind = ProviderTypeDefaults["credentialKind"];

const allowedLocations = "must be env::NAME, path::FILE, path_from_env::NAME, none, or { default = …, fallback = … }";
const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;
const headerSafe = /^[\x21-\x7e]+$/;
const fileBytesMax = 65_536;

/**
 * Finds the credential at a location. `none` is found, and is `null`, as `sdk` is where the type has one. No text of a
 * credential is in any message.
 */
export function findCredential(
  location: CredentialLocation,
  sources: CredentialSources,
  kind: CredentialKind = "token",
): FoundCredential {
  if (typeof location === "string") return findAt(location, sources, kind);
  const first = findAt(location.default, sources, kind);
  if (first.kind === "invalid") return first;
  const second = findAt(location.fallback, sources, kind);
  if (second.kind === "invalid") return second;
  if (first.kind === "found") return first;
  return second.kind === "found" ? second : { kind: "missing", reason: `${first.reason}, and ${second.reason}` };
}

function findAt(location: string, sources: CredentialSources, kind: CredentialKind): FoundCredential {
  if (location === "none" || (location === "sdk" && kind !== "token")) return { kind: "found", credential: null };
  const cut = location.indexOf("::");
  const scheme = cut < 0 ? location : location.slice(0, cut);
  if (scheme === "dynamic" || scheme === "sdk" || scheme === "vault") {
    return {
      kind: "invalid",
      found: `${scheme} is not supported for this provider type yet`,
      allowed: allowedLocations,
    };
  }
  const rest = cut < 0 ? "" : location.slice(cut + 2);
  if (scheme === "path" && rest !== "") return findInFile(resolve(sources.folder, rest), `file ${rest}`, kind);
  if ((scheme !== "env" && scheme !== "path_from_env") || !variableName.test(rest)) {
    // The text may be a credential that was pasted in the place of its location: it is not repeated.
    const found = `a text of ${location.length} characters that is not a location`;
    return { kind: "invalid", found, allowed: allowedLocations };
  }
  const value = sources.env[rest];
  if (value === undefined) return { kind: "missing", reason: `environment variable ${rest} is not set` };
  if (value.trim() === "") return { kind: "missing", reason: `environment variable ${rest} is empty` };
  if (scheme === "env") return checked(value.trim(), `environment variable ${rest}`, kind);
  return findInFile(resolve(value), `the file that ${rest} names`, kind);
}

/** `source` names the file in messages; not by its path where that came from a variable, which may hold the credential itself. */
function findInFile(path: string, source: string, kind: CredentialKind): FoundCredential {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return { kind: "missing", reason: `${source} is not a regular file` };
    if (stat.size > fileBytesMax) return { kind: "missing", reason: `${source} is larger than ${fileBytesMax} bytes` };
    return checked(readFileSync(path, "utf8").trim(), source, kind);
  } catch (error) {
    return { kind: "missing", reason: `${source} cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
}

/** A credential is sent in a header; a line end inside would be refused, or worse, at the first call. */
function checked(text: string, source: string, kind: CredentialKind): FoundCredential {
  if (text === "") return { kind: "missing", reason: `${source} is empty` };
  if (kind === "service_account") {
    if (isServiceAccount(text)) return { kind: "found", credential: new Secret(text) };
    return { kind: "missing", reason: `${source} holds no service account's JSON with client_email and private_key` };
  }
  if (!headerSafe.test(text))
    return { kind: "missing", reason: `${source} holds a space, line end or other character that no header can carry` };
  return { kind: "found", credential: new Secret(text) };
}

function isServiceAccount(text: string): boolean {
  try {
    const json = JSON.parse(text) as Record<string, unknown> | null;
    return typeof json?.client_email === "string" && typeof json.private_key === "string";
  } catch {
    return false;
  }
}
