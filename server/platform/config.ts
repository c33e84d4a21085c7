import type { BudgetRule } from "../core/budget-rule.ts";
import type { CredentialSource } from "../core/credential-source.ts";
import type { KeyPrefixes } from "../core/key-format.ts";
import type { LimitRule } from "../core/limit-rule.ts";
import { isModelName, parseShorthand } from "../core/model-name.ts";
import type { Plan } from "../core/plan.ts";
import type { Price } from "../core/price.ts";
import { isProviderType, type ProviderType, providerTypes } from "../core/provider-type.ts";
import type { Secret } from "../core/secret.ts";
import { isLoopbackHost, parseEnvironment } from "./config-environment.ts";
import { ConfigError, type ConfigMistake } from "./config-error.ts";
import { checkSections, loadConfigFile } from "./config-file.ts";
import { type FunctionConfig, parseFunctions } from "./config-functions.ts";
import { parseBudgets, parseRateLimiting } from "./config-limits.ts";
import { parseModels } from "./config-models.ts";
import { parsePrices } from "./config-prices.ts";
import type { ProviderOptions } from "./config-provider-options.ts";
import { type ProviderContext, parseProviderDefaults, parseShorthandProvider } from "./config-providers.ts";
import { loadSecrets } from "./config-secrets.ts";
import { parseSettings } from "./config-settings.ts";
import { readTensorzero } from "./config-tensorzero.ts";
import type { ConfigNote } from "./config-tensorzero-keys.ts";
import { parseAuth, parsePlans } from "./config-users.ts";
import { type Failpoint, parseFailpoint } from "./failpoint.ts";

export type Role = "all" | "gateway" | "worker";

/** A secret that is replaced now and then: the newest is used for what is new, an older one for what it was used for. */
export interface VersionedSecret {
  version: number;
  value: Secret;
}

/** A pepper of the key digests. The newest makes new digests; older ones are still looked up while a rotation lasts. */
export type Pepper = VersionedSecret;

/** One provider of one model, or the default of a type for shorthands (`type::model`). All defaults are filled in. */
export interface ProviderConfig {
  name: string;
  type: ProviderType;
  /** `null`: the same name as the model. */
  modelName: string | null;
  /** Absolute URL without a trailing slash, or `null` for echo. */
  apiBase: string | null;
  /** What was read at the start; `null`: there is none, or {@link lateCredential} says where it comes from. */
  credential: Secret | null;
  /** Where it is looked for at each call, in this order; `null`: what was read at the start holds. */
  lateCredential: readonly CredentialSource[] | null;
  /** The keys of AWS, each like a late credential; `null`: the SDK finds them. */
  awsKeys: AwsKeySources | null;
  options: ProviderOptions;
  /** Names the variable or file that a credential was expected in and is not; only on shorthand defaults. */
  credentialMissing: string | null;
  timeouts: { connectMs: number; firstByteMs: number; idleMs: number; totalMs: number };
  retriesMax: number;
  /** Calls at once, in each process; `null`: any number. */
  concurrentRequestsMax: number | null;
  /** After so many failures in a row (0: never) it is not called for `openMs`, and then by one call first. */
  breaker: { failures: number; openMs: number };
  echo: { delayMs: number; tokensPerSecond: number; failWithStatus: number };
}

/** Where the keys of AWS come from. */
export interface AwsKeySources {
  accessKeyId: readonly CredentialSource[];
  secretAccessKey: readonly CredentialSource[];
  /** `null`: the keys are not temporary. */
  sessionToken: readonly CredentialSource[] | null;
}

export interface ModelConfig {
  name: string;
  /** In routing order; at least one. */
  providers: readonly ProviderConfig[];
  /** The share of each provider, in the order of `providers`; `null`: the first that works takes every call. */
  weights: readonly number[] | null;
  /** With weights: calls of one conversation go to one provider. */
  isSticky: boolean;
  outputTokensMax: number | null;
}

/** Everything a process needs to know, checked and complete. Built once at start; a reload builds another. */
export interface Config {
  role: Role;
  host: string;
  port: number;
  dataDir: string;
  /** `null`: the embedded PostgreSQL in `dataDir`. */
  databaseUrl: Secret | null;
  /** `null`: rate windows in memory, queues in PostgreSQL. */
  redisUrl: Secret | null;
  /** Sorted newest first; at least one. */
  peppers: readonly Pepper[];
  sealKey: Secret;
  /** Newest first, beginning with {@link sealKey}; what is sealed says which of them it needs. */
  sealKeys: readonly VersionedSecret[];
  sessionSecret: Secret;
  /** Under which reports of leaked keys are signed; `null`: only admins report. */
  leakSecret: Secret | null;
  /** First 12 hex digits of the SHA-256 of the config file's text, for `/status`. */
  configHash: string;
  /** The file itself; a reload that is applied takes its place. */
  configFile: {
    /** Absolute; `null`: there is none. */
    path: string | null;
    /** What named it; `null`: it was in the usual place, or nowhere. */
    from: "--config-file" | "TOLLGATE_CONFIG" | null;
    /** The sections that it has. All others are as they are by default. */
    sections: readonly string[];
  };
  log: { level: "trace" | "debug" | "info" | "warn" | "error" | "silent"; pretty: boolean; access: boolean };
  gateway: {
    authEnabled: boolean;
    bodyBytesMax: number;
    responseBytesMax: number;
    sseEventBytesMax: number;
    /** How long a stop waits for running requests. */
    drainMs: number;
    /** How long known keys are served while PostgreSQL cannot be reached. */
    graceMs: number;
    outputTokensDefault: number;
    /** Networks of proxies whose word on the client's address counts; empty: nobody's. */
    trustedProxies: readonly string[];
  };
  keys: {
    prefixes: KeyPrefixes;
    expiryDaysDefault: number;
    expiryDaysMax: number;
    allowNoExpiry: boolean;
    cacheEntriesMax: number;
  };
  /** All that a key can be given: the built-in permissions and the deployment's own. */
  permissions: readonly string[];
  journal: { flushIntervalMs: number; batchEventsMax: number; pendingEventsMax: number; segmentBytesMax: number };
  limits: {
    /** What a call is answered that its budgets do not cover: 429 or 402. */
    budgetExceededStatus: number;
    /** `false`: each call asks PostgreSQL for exactly the money that it needs. */
    budgetSurplus: boolean;
  };
  usage: { rawDays: number; hourDays: number; partitionDaysAhead: number };
  /** Networks that hosts may be in which are named at run time, beside the public ones. */
  egress: { allow: readonly string[] };
  /** Through which e-mail goes out; `null`: none does. */
  smtp: { url: Secret; from: string } | null;
  auth: {
    /** Where browsers reach the gateway: scheme, host and port. `null`: on this machine, at its own port. */
    baseUrl: string | null;
    /** Who may make an account for himself. */
    signUp: "open" | "invite" | "closed";
    /** A session that is not used ends after this long. */
    sessionIdleMs: number;
    /** Every session ends after this long. */
    sessionAbsoluteMs: number;
    /** Sign-ins and sign-ups from one address. */
    attemptsPerMinuteMax: number;
    /** `null`: no sign-in with Google. */
    google: { clientId: string; clientSecret: Secret } | null;
  };
  /** Rate rules for more than one key. */
  rateLimiting: {
    /** False: no rule is enforced, neither these nor stored ones. The limits of keys are. */
    enabled: boolean;
    /** Whether tags that clients send count in scopes, where the key binds none of the name. */
    trustRequestTags: boolean;
    rules: readonly LimitRule[];
  };
  /** For more than one key. */
  budgets: readonly BudgetRule[];
  /** By name, in the order of the file; at least one. New users get the first. */
  plans: ReadonlyMap<string, Plan>;
  models: ReadonlyMap<string, ModelConfig>;
  /** What of the config file has no effect, as of one that was TensorZero's. */
  notes: readonly ConfigNote[];
  /** By name: sets of weighted variants, each a model. */
  functions: ReadonlyMap<string, FunctionConfig>;
  /** By provider type, for names like `openai::gpt-5-mini`. */
  shorthands: ReadonlyMap<string, ProviderConfig>;
  /** Overrides by model name (`model` or `type::model`); they win over the catalogue. */
  prices: ReadonlyMap<string, Price>;
}

export interface ConfigSource {
  env: Readonly<Record<string, string | undefined>>;
  /** From `--config-file`; wins over `TOLLGATE_CONFIG`. */
  configFile?: string;
  /** Takes the notes, also where there are mistakes. */
  notes?: ConfigNote[];
  /** True: nothing is written. Secrets that the first start would make are made for this run only. */
  readOnly?: boolean;
}

/**
 * Reads the configuration of this process: `tollgate.toml`, the environment, and the secrets, which the first start
 * with the embedded PostgreSQL writes into the data folder (only once everything else is right).
 *
 * @throws ConfigError with every mistake at once.
 */
export function loadConfig(source: ConfigSource): Config {
  const mistakes: ConfigMistake[] = [];
  const environment = parseEnvironment(source.env, mistakes);
  const named =
    source.configFile !== undefined
      ? ({ path: source.configFile, from: "--config-file" } as const)
      : environment.configPath !== null
        ? ({ path: environment.configPath, from: "TOLLGATE_CONFIG" } as const)
        : null;
  const read = loadConfigFile(named, mistakes);
  const notes = source.notes ?? [];
  const reading = { env: source.env, folder: read.folder, mistakes, notes };
  const file = { ...read, sections: readTensorzero(read.sections, reading) };
  checkSections(file.sections, mistakes);
  const part = (name: string) => ({ value: file.sections[name], path: [name] });

  const settings = parseSettings(file.sections, mistakes);
  const auth = parseAuth(part("auth"), environment, mistakes);
  const plans = parsePlans(part("plans"), mistakes);
  const rateLimiting = parseRateLimiting(part("rate_limiting"), mistakes);
  const budgets = parseBudgets(part("budgets"), mistakes);
  const context: ProviderContext = {
    defaults: parseProviderDefaults(part("provider_types"), mistakes),
    sources: { env: source.env, folder: file.folder },
    mistakes,
  };
  const models = parseModels(part("models"), context);
  const shorthands = new Map<string, ProviderConfig>();
  for (const type of Object.keys(providerTypes).filter(isProviderType)) {
    const provider = parseShorthandProvider(type, context);
    if (provider !== null) shorthands.set(type, provider);
  }
  const callable = modelNames(file.sections.models);
  const functions = parseFunctions(part("functions"), callable, mistakes);
  const prices = parsePrices(part("prices"), (name) => callable.has(name) || parseShorthand(name) !== null, mistakes);

  if (settings !== null && !settings.gateway.authEnabled && !isLoopbackHost(environment.host)) {
    mistakes.push({
      path: "gateway.auth.enabled",
      found: `false with HOST ${environment.host}`,
      allowed: "may be false only where HOST is a loopback address such as 127.0.0.1",
    });
  }
  const secrets = loadSecrets(
    {
      env: source.env,
      dataDir: environment.dataDir,
      embedded: source.env.DATABASE_URL === undefined,
      mayWrite: mistakes.length === 0 && source.readOnly !== true,
    },
    mistakes,
  );
  if (mistakes.length > 0 || settings === null || auth === null || secrets === null) throw new ConfigError(mistakes);
  const { configPath: _, google: __, baseUrl: ___, logLevel, ...addresses } = environment;
  return {
    ...addresses,
    ...secrets,
    ...settings,
    log: { ...settings.log, level: logLevel ?? settings.log.level },
    configHash: file.hash,
    configFile: { path: file.path, from: named?.from ?? null, sections: Object.keys(file.sections) },
    auth,
    rateLimiting,
    budgets,
    plans,
    models,
    notes,
    functions,
    shorthands,
    prices,
  };
}

/** Names of `[models]` as they are written, so that one mistake in a model is not reported again at its price. */
function modelNames(section: unknown): ReadonlySet<string> {
  const table = typeof section === "object" && section !== null ? section : {};
  return new Set(Object.keys(table).filter(isModelName));
}

/**
 * Where this process is to kill itself (`TOLLGATE_FAILPOINT`, see {@link parseFailpoint}): for tests of what a crash leaves
 * behind, and hence no setting of a deployment. Obeyed only by a process that other machines cannot reach.
 *
 * @throws ConfigError where there is no such point, or HOST is not a loopback address.
 */
export function loadProcessFailpoint(config: Pick<Config, "host">): Failpoint | null {
  const text = process.env.TOLLGATE_FAILPOINT;
  if (text === undefined) return null;
  if (isLoopbackHost(config.host)) return parseFailpoint(text);
  const allowed = "is for tests: allowed only where HOST is a loopback address such as 127.0.0.1";
  throw new ConfigError([{ path: "TOLLGATE_FAILPOINT", found: `set with HOST ${config.host}`, allowed }]);
}

/** {@link loadConfig} from this process's own environment. */
export function loadProcessConfig(options: Omit<ConfigSource, "env"> = {}): Config {
  return loadConfig({ ...options, env: process.env });
}
