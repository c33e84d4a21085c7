import type { KeyPrefixes } from "../core/key-format.ts";
import type { Price } from "../core/price.ts";
import type { Secret } from "../core/secret.ts";

export type Role = "all" | "gateway" | "worker";

/** A pepper of the key digests. The newest makes new digests; older ones are still looked up while a rotation lasts. */
export interface Pepper {
  version: number;
  value: Secret;
}

/** One provider of one model, or the default of a type for shorthands (`type::model`). All defaults are filled in. */
export interface ProviderConfig {
  name: string;
  type: string;
  /** `null`: the same name as the model. */
  modelName: string | null;
  /** Absolute URL without a trailing slash, or `null` for echo. */
  apiBase: string | null;
  credential: Secret | null;
  /** Names the variable or file that a credential was expected in and is not; only on shorthand defaults. */
  credentialMissing: string | null;
  timeouts: { connectMs: number; firstByteMs: number; idleMs: number; totalMs: number };
  retriesMax: number;
  echo: { delayMs: number; tokensPerSecond: number; failWithStatus: number };
}

export interface ModelConfig {
  name: string;
  /** In routing order; at least one. */
  providers: readonly ProviderConfig[];
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
  sessionSecret: Secret;
  /** First 12 hex digits of the SHA-256 of the config file's text, for `/status`. */
  configHash: string;
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
  };
  keys: {
    prefixes: KeyPrefixes;
    expiryDaysDefault: number;
    expiryDaysMax: number;
    allowNoExpiry: boolean;
    cacheEntriesMax: number;
  };
  journal: { flushIntervalMs: number; batchEventsMax: number; pendingEventsMax: number; segmentBytesMax: number };
  usage: { rawDays: number; partitionDaysAhead: number };
  models: ReadonlyMap<string, ModelConfig>;
  /** By provider type, for names like `openai::gpt-5-mini`. */
  shorthands: ReadonlyMap<string, ProviderConfig>;
  /** Overrides by model name (`model` or `type::model`); they win over the catalogue. */
  prices: ReadonlyMap<string, Price>;
}
