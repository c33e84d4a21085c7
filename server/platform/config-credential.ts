import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import {
  type CredentialKind,
  type CredentialSource,
  credentialLengthMax,
  dynamicName,
  findCredentialFault,
  vaultName,
} from "../core/credential-source.ts";
import { Secret } from "../core/secret.ts";
import type { CredentialLocation } from "./config-schema.ts";

/** Where credentials are looked up. */
export interface CredentialSources {
  env: Readonly<Record<string, string | undefined>>;
  /** Relative paths of `path::` start here. */
  folder: string;
}

export type FoundCredential =
  /** In the order in which they are asked when a call is made: one, or one that a call may lack and its fallback. */
  | { kind: "found"; sources: readonly CredentialSource[] }
  /** The location is right and nothing usable is there. */
  | { kind: "missing"; reason: string }
  /** The location itself is not right. */
  | { kind: "invalid"; found: string; allowed: string };

type FoundSource = { kind: "found"; source: CredentialSource } | Exclude<FoundCredential, { kind: "found" }>;

const variableName = /^[A-Za-z_][A-Za-z0-9_]*$/;

function makeAllowed(kind: CredentialKind): string {
  const sdk = kind === "token" ? "" : "sdk, ";
  return `must be env::NAME, path::FILE, path_from_env::NAME, dynamic::NAME, vault::NAME, ${sdk}none, or { default = …, fallback = … }`;
}

/**
 * Finds the credential at a location: what is in the environment or in a file at once, the rest when a call is made. `none`
 * and `sdk` are found, and are `null`. No text of a credential is in any message.
 */
export function findCredential(
  location: CredentialLocation,
  kind: CredentialKind,
  sources: CredentialSources,
): FoundCredential {
  if (typeof location === "string") {
    const found = findAt(location, kind, sources);
    return found.kind === "found" ? { kind: "found", sources: [found.source] } : found;
  }
  const first = findAt(location.default, kind, sources);
  if (first.kind === "invalid") return first;
  const second = findAt(location.fallback, kind, sources);
  if (second.kind === "invalid") return second;
  if (first.kind === "missing") {
    if (second.kind === "found") return { kind: "found", sources: [second.source] };
    return { kind: "missing", reason: `${first.reason}, and ${second.reason}` };
  }
  if (first.source.kind === "static") return { kind: "found", sources: [first.source] };
  return second.kind === "found" ? { kind: "found", sources: [first.source, second.source] } : second;
}

const nothing: FoundSource = { kind: "found", source: { kind: "static", secret: null } };

function findAt(location: string, kind: CredentialKind, sources: CredentialSources): FoundSource {
  if (location === "none") return nothing;
  const cut = location.indexOf("::");
  const scheme = cut < 0 ? location : location.slice(0, cut);
  const rest = cut < 0 ? "" : location.slice(cut + 2);
  if (location === "sdk") {
    if (kind !== "token") return nothing;
    return { kind: "invalid", found: "sdk is for AWS and Google Vertex", allowed: makeAllowed(kind) };
  }
  if (scheme === "dynamic" && dynamicName.test(rest)) {
    return { kind: "found", source: { kind: "dynamic", name: rest } };
  }
  if (scheme === "vault" && vaultName.test(rest)) return { kind: "found", source: { kind: "vault", name: rest } };
  if (scheme === "path" && rest !== "") return findInFile(resolve(sources.folder, rest), `file ${rest}`, kind);
  if ((scheme !== "env" && scheme !== "path_from_env") || !variableName.test(rest)) {
    // The text may be a credential that was pasted in the place of its location: it is not repeated.
    const found = `a text of ${location.length} characters that is not a location`;
    return { kind: "invalid", found, allowed: makeAllowed(kind) };
  }
  const value = sources.env[rest];
  if (value === undefined) return { kind: "missing", reason: `environment variable ${rest} is not set` };
  if (value.trim() === "") return { kind: "missing", reason: `environment variable ${rest} is empty` };
  if (scheme === "env") return checked(value.trim(), `environment variable ${rest}`, kind);
  return findInFile(resolve(value), `the file that ${rest} names`, kind);
}

/** `source` names the file in messages; not by its path where that came from a variable, which may hold the credential itself. */
function findInFile(path: string, source: string, kind: CredentialKind): FoundSource {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return { kind: "missing", reason: `${source} is not a regular file` };
    // With room for white space around it.
    if (stat.size > 4 * credentialLengthMax) {
      return { kind: "missing", reason: `${source} is larger than ${4 * credentialLengthMax} bytes` };
    }
    return checked(readFileSync(path, "utf8").trim(), source, kind);
  } catch (error) {
    return { kind: "missing", reason: `${source} cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
}

function checked(text: string, source: string, kind: CredentialKind): FoundSource {
  const fault = findCredentialFault(text, kind);
  if (fault !== null) return { kind: "missing", reason: `${source} ${fault}` };
  return { kind: "found", source: { kind: "static", secret: new Secret(text) } };
}
