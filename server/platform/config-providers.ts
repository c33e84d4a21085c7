import { formatAllowedNames } from "../core/allowed-names.ts";
import { isProviderType, type ProviderType, providerTypes } from "../core/provider-type.ts";
import type { ProviderConfig } from "./config.ts";
import { parseAccess } from "./config-access.ts";
import type { CredentialSources } from "./config-credential.ts";
import { type ConfigMistake, formatConfigPath, formatConfigValue } from "./config-error.ts";
import {
  checkOptionKeys,
  findProviderOptions,
  findUpstreamName,
  type ProviderOptions,
} from "./config-provider-options.ts";
import {
  type ProviderDefaultsSection,
  type ProviderSection,
  providerDefaultsSchema,
  providerSchema,
} from "./config-schema.ts";
import { type ConfigPart, parseSection, parseTable } from "./config-section.ts";

/** What `[provider_types.TYPE.defaults]` says, by type. */
export type ProviderDefaults = ReadonlyMap<ProviderType, ProviderDefaultsSection>;

/** Everything that provider entries are read with. */
export interface ProviderContext {
  defaults: ProviderDefaults;
  sources: CredentialSources;
  mistakes: ConfigMistake[];
}

const timeouts = { connectMs: 10_000, firstByteMs: 600_000, idleMs: 120_000, totalMs: 1_800_000 };
const retriesMax = 2;
const echoKeys = ["delay_ms", "tokens_per_second", "fail_with_status"] as const;
const wireKeys = [
  "api_base",
  "api_key_location",
  "credential_location",
  "access_key_id",
  "secret_access_key",
  "session_token",
  "timeouts",
  "retries",
] as const;
const breaker = { failures: 10, openMs: 5_000 };

/** Reads `[provider_types]`. */
export function parseProviderDefaults(part: ConfigPart, mistakes: ConfigMistake[]): ProviderDefaults {
  const defaults = new Map<ProviderType, ProviderDefaultsSection>();
  for (const entry of parseTable(part, mistakes)) {
    if (!isProviderType(entry.name)) {
      mistakes.push({ path: formatConfigPath(entry.part.path), ...explainType(entry.name) });
      continue;
    }
    const section = parseSection(providerDefaultsSchema, entry.part, mistakes);
    if (section === null) continue;
    const path = [...entry.part.path, "defaults"];
    checkOptionKeys(entry.name, section.defaults, path, mistakes);
    if (entry.name === "echo") refuseKeys(section.defaults, wireKeys, "echo, which calls nobody", path, mistakes);
    defaults.set(entry.name, section.defaults);
  }
  return defaults;
}

/**
 * Reads one provider of one model; `null` where something is wrong with it.
 *
 * @param routed false: only its keys are checked. One that is taken out of the routing needs no credential meanwhile.
 */
export function parseProvider(
  name: string,
  part: ConfigPart,
  routed: boolean,
  context: ProviderContext,
): ProviderConfig | null {
  const { mistakes } = context;
  const { path } = part;
  const mistakesBefore = mistakes.length;
  const section = parseProviderSection(part, mistakes);
  if (section === null) return null;
  const { type } = section;
  if (!isProviderType(type)) {
    mistakes.push({ path: formatConfigPath([...path, "type"]), ...explainType(type) });
    return null;
  }
  checkOptionKeys(type, section, path, mistakes);
  if (type === "echo") refuseKeys(section, wireKeys, "echo, which calls nobody", path, mistakes);
  else refuseKeys(section, echoKeys, `${type}, but for echo only`, path, mistakes);

  if (!routed) return null;

  const defaults = context.defaults.get(type) ?? {};
  const baseKey = section.endpoint === undefined ? "api_base" : "endpoint";
  const baseText = section.api_base ?? section.endpoint;
  const ownBase = baseText === undefined ? undefined : parseApiBase(baseText, [...path, baseKey], mistakes);
  const apiBase = ownBase ?? inheritedApiBase(type, defaults);
  if (
    apiBase === null &&
    baseText === undefined &&
    providerTypes[type].needsApiBase &&
    (defaults.api_base ?? defaults.endpoint) === undefined
  ) {
    mistakes.push({
      path: formatConfigPath([...path, "api_base"]),
      found: "missing",
      allowed: `must be the address of the provider, such as "http://127.0.0.1:8000/v1" (or set it in [provider_types.${type}.defaults])`,
    });
  }
  const { access, missing } = parseAccess(type, section, defaults, path, context);
  if (missing !== null) {
    mistakes.push({
      path: formatConfigPath([...path, missing.key]),
      found: missing.reason,
      allowed: `must be where the credential of ${type} is; set it, or name another place`,
    });
  }
  const options = findProviderOptions(type, section, defaults, context.sources.env, access.credential);
  if ("missingKey" in options) {
    mistakes.push({
      path: formatConfigPath([...path, options.missingKey]),
      found: options.reason,
      allowed: `must say where the models of ${type} run`,
    });
    return null;
  }
  if (mistakes.length > mistakesBefore) return null;
  return {
    name,
    type,
    modelName: findUpstreamName(section),
    apiBase,
    options,
    ...access,
    credentialMissing: null,
    ...makeBehaviour(defaults, section),
  };
}

/** What answers `type::model`; `null` where the type has no address that it could be sent to. */
export function parseShorthandProvider(type: ProviderType, context: ProviderContext): ProviderConfig | null {
  const { mistakes } = context;
  const defaults = context.defaults.get(type) ?? {};
  const path = ["provider_types", type, "defaults"];
  for (const key of ["api_base", "endpoint"] as const) {
    if (defaults[key] !== undefined) parseApiBase(defaults[key], [...path, key], mistakes);
  }
  const apiBase = inheritedApiBase(type, defaults);
  const { access, missing } = parseAccess(type, defaults, {}, path, context);
  if (missing?.isSaid === true) {
    mistakes.push({
      path: formatConfigPath([...path, missing.key]),
      found: missing.reason,
      allowed: `must be where the credential of ${type} is; set it, or leave the key out`,
    });
  }
  if (apiBase === null && providerTypes[type].needsApiBase) return null;
  const options = findProviderOptions(type, {}, defaults, context.sources.env, access.credential);
  return {
    name: type,
    type,
    modelName: null,
    apiBase,
    options: "missingKey" in options ? noOptions : options,
    ...access,
    credentialMissing: missing?.reason ?? ("missingKey" in options ? options.reason : null),
    ...makeBehaviour(defaults, {}),
  };
}

/** Stand in for values that are wrong in themselves, so that the rest of the section is still checked. */
const substitutes: Readonly<Record<string, unknown>> = { api_base: "http://127.0.0.1", api_key_location: "none" };

function parseProviderSection(part: ConfigPart, mistakes: ConfigMistake[]): ProviderSection | null {
  const section = parseSection(providerSchema, part, mistakes);
  if (section !== null || typeof part.value !== "object" || part.value === null) return section;
  const issues = providerSchema.safeParse(part.value).error?.issues ?? [];
  const wrong = new Set(
    issues.flatMap((issue) => (issue.code === "unrecognized_keys" ? issue.keys : issue.path.slice(0, 1))),
  );
  const rest = Object.entries(part.value).flatMap(([key, value]) =>
    !wrong.has(key) ? [[key, value]] : Object.hasOwn(substitutes, key) ? [[key, substitutes[key]]] : [],
  );
  return providerSchema.safeParse(Object.fromEntries(rest)).data ?? null;
}

const noOptions: ProviderOptions = { region: null, vertex: null, apiVersion: null };

function makeBehaviour(
  defaults: ProviderDefaultsSection,
  section: Partial<ProviderSection>,
): Pick<ProviderConfig, "timeouts" | "retriesMax" | "concurrentRequestsMax" | "breaker" | "echo"> {
  const said = { ...defaults.timeouts, ...section.timeouts };
  const breaking = { ...defaults.circuit_breaker, ...section.circuit_breaker };
  return {
    timeouts: {
      connectMs: said.connect_ms ?? timeouts.connectMs,
      firstByteMs: said.first_byte_ms ?? timeouts.firstByteMs,
      idleMs: said.idle_ms ?? timeouts.idleMs,
      totalMs: said.total_ms ?? timeouts.totalMs,
    },
    retriesMax: section.retries ?? defaults.retries ?? retriesMax,
    concurrentRequestsMax: section.concurrent_requests_max ?? defaults.concurrent_requests_max ?? null,
    breaker: { failures: breaking.failures ?? breaker.failures, openMs: breaking.open_ms ?? breaker.openMs },
    echo: {
      delayMs: section.delay_ms ?? 0,
      tokensPerSecond: section.tokens_per_second ?? 0,
      failWithStatus: section.fail_with_status ?? 0,
    },
  };
}

function inheritedApiBase(type: ProviderType, defaults: ProviderDefaultsSection): string | null {
  const text = defaults.api_base ?? defaults.endpoint;
  if (text === undefined) return providerTypes[type].apiBase;
  return parseApiBase(text, [], []);
}

function parseApiBase(text: string, path: readonly PropertyKey[], mistakes: ConfigMistake[]): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  const plain = url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (plain && (url.protocol === "http:" || url.protocol === "https:") && /^https?:\/\//i.test(text)) {
    return url.href.replace(/(?<!\/)\/+$/, "");
  }
  mistakes.push({
    path: formatConfigPath(path),
    // Not repeated: user name and password may be in it.
    found: `a text of ${text.length} characters that is not such an address`,
    allowed: "must be an absolute http or https URL without user name, query and fragment",
  });
  return null;
}

function refuseKeys(
  section: object,
  keys: readonly string[],
  owner: string,
  path: readonly PropertyKey[],
  mistakes: ConfigMistake[],
): void {
  for (const key of keys) {
    if (!Object.hasOwn(section, key)) continue;
    mistakes.push({
      path: formatConfigPath([...path, key]),
      found: `not for a provider of type ${owner}`,
      allowed: "leave it out",
    });
  }
}

function explainType(type: string): Pick<ConfigMistake, "found" | "allowed"> {
  return {
    found: `found ${formatConfigValue(type)}`,
    allowed: formatAllowedNames(type, Object.keys(providerTypes)),
  };
}
