import type { CredentialKind, CredentialSource } from "../core/credential-source.ts";
import { type ProviderType, providerTypes } from "../core/provider-type.ts";
import type { AwsKeySources, ProviderConfig } from "./config.ts";
import { findCredential } from "./config-credential.ts";
import { formatConfigPath } from "./config-error.ts";
import type { ProviderContext } from "./config-providers.ts";
import type { CredentialLocation, ProviderDefaultsSection } from "./config-schema.ts";

/** What a provider is called with. */
export type ProviderAccess = Pick<ProviderConfig, "credential" | "lateCredential" | "awsKeys">;

/** Said by a provider, or by the defaults of its type. */
type AccessKeys = Pick<
  ProviderDefaultsSection,
  "api_key_location" | "credential_location" | "access_key_id" | "secret_access_key" | "session_token"
>;

/** A credential that is not where it is expected. */
export interface MissingCredential {
  /** The key of the config file that says where, or could. */
  key: string;
  reason: string;
  /** False: nobody said where; it is only where the type's is by default. */
  isSaid: boolean;
}

const noAccess: ProviderAccess = { credential: null, lateCredential: null, awsKeys: null };
const awsKeyNames = ["access_key_id", "secret_access_key", "session_token"] as const;

/**
 * Reads where the credential of a provider is.
 *
 * @param path of the provider's table, or of its type's defaults.
 * @returns the access, and what is missing of it (`null`: nothing) for the caller to judge; what is wrong is a mistake.
 */
export function parseAccess(
  type: ProviderType,
  own: AccessKeys,
  defaults: AccessKeys,
  path: readonly PropertyKey[],
  context: ProviderContext,
): { access: ProviderAccess; missing: MissingCredential | null } {
  const { credentialKind: kind } = providerTypes[type];
  if (type === "echo") return { access: noAccess, missing: null };
  refuseForeignKeys(type, kind, own, path, context);
  if (kind === "aws") return parseAwsAccess(own, defaults, path, context);
  const key = findLocationKey(own, path, context);
  const said = own[key] ?? defaults.credential_location ?? defaults.api_key_location;
  const found = readLocation(said ?? providerTypes[type].credential, kind, [...path, key], context);
  if (found.reason !== null) {
    return { access: noAccess, missing: { key, reason: found.reason, isSaid: said !== undefined } };
  }
  const [first] = found.sources;
  if (found.sources.length === 1 && first?.kind === "static") {
    return { access: { ...noAccess, credential: first.secret }, missing: null };
  }
  return { access: { ...noAccess, lateCredential: found.sources }, missing: null };
}

/** `credential_location` is what Google's types call it; both names of one thing at once are a mistake. */
function findLocationKey(
  own: AccessKeys,
  path: readonly PropertyKey[],
  { mistakes }: ProviderContext,
): "api_key_location" | "credential_location" {
  if (own.credential_location === undefined) return "api_key_location";
  if (own.api_key_location !== undefined) {
    mistakes.push({
      path: formatConfigPath([...path, "credential_location"]),
      found: "given together with api_key_location",
      allowed: "one of the two",
    });
  }
  return "credential_location";
}

function refuseForeignKeys(
  type: ProviderType,
  kind: CredentialKind,
  own: AccessKeys,
  path: readonly PropertyKey[],
  { mistakes }: ProviderContext,
): void {
  const foreign: readonly (keyof AccessKeys)[] =
    kind === "aws"
      ? ["api_key_location", "credential_location"]
      : kind === "token"
        ? ["credential_location", ...awsKeyNames]
        : awsKeyNames;
  for (const key of foreign) {
    if (own[key] === undefined || (kind === "aws" && own[key] === "sdk")) continue;
    const allowed = kind === "aws" ? `leave it out; ${type} has ${awsKeyNames.join(", ")}` : "leave it out";
    mistakes.push({ path: formatConfigPath([...path, key]), found: `not for a provider of type ${type}`, allowed });
  }
}

function parseAwsAccess(
  own: AccessKeys,
  defaults: AccessKeys,
  path: readonly PropertyKey[],
  context: ProviderContext,
): { access: ProviderAccess; missing: MissingCredential | null } {
  // All three from one place: an id of one account with the secret of another signs nothing.
  const isOwn = awsKeyNames.some((name) => own[name] !== undefined);
  const said = isOwn ? own : defaults;
  const read: Partial<Record<(typeof awsKeyNames)[number], readonly CredentialSource[]>> = {};
  for (const key of awsKeyNames) {
    const location = said[key];
    if (location === undefined || location === "sdk") continue;
    const found = readLocation(location, "aws", [...path, key], context);
    if (found.reason !== null) return { access: noAccess, missing: { key, reason: found.reason, isSaid: true } };
    read[key] = found.sources;
  }
  const { access_key_id: accessKeyId, secret_access_key: secretAccessKey, session_token: sessionToken } = read;
  if (accessKeyId !== undefined && secretAccessKey !== undefined) {
    const awsKeys: AwsKeySources = { accessKeyId, secretAccessKey, sessionToken: sessionToken ?? null };
    return { access: { ...noAccess, awsKeys }, missing: null };
  }
  const lone = awsKeyNames.find((name) => read[name] !== undefined);
  if (lone !== undefined) {
    context.mistakes.push({
      path: formatConfigPath([...path, accessKeyId === undefined ? "access_key_id" : "secret_access_key"]),
      found: `missing beside ${lone}`,
      allowed: "access_key_id and secret_access_key are set together, or neither is",
    });
  }
  return { access: noAccess, missing: null };
}

function readLocation(
  location: CredentialLocation,
  kind: CredentialKind,
  path: readonly PropertyKey[],
  { sources, mistakes }: ProviderContext,
): { sources: readonly CredentialSource[]; reason: string | null } {
  const found = findCredential(location, kind, sources);
  if (found.kind === "found") return { sources: found.sources, reason: null };
  if (found.kind === "missing") return { sources: [], reason: found.reason };
  mistakes.push({ path: formatConfigPath(path), found: found.found, allowed: found.allowed });
  return { sources: [{ kind: "static", secret: null }], reason: null };
}
