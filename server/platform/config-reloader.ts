import { isDeepStrictEqual } from "node:util";
import { Secret } from "../core/secret.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { ConfigError, type ConfigMistake } from "./config-error.ts";
import type { Logger } from "./logger.ts";

/** Sections of the file that hold without a restart, by their place in {@link Config}. */
const applied = {
  models: "models",
  functions: "functions",
  shorthands: "provider_types",
  prices: "prices",
  plans: "plans",
  rateLimiting: "rate_limiting",
  budgets: "budgets",
} as const satisfies Partial<Record<keyof Config, string>>;

/** Those that do not. What else a config holds comes from the environment, which does not change. */
const restarted = {
  gateway: "gateway",
  keys: "keys",
  permissions: "permissions",
  auth: "auth",
  egress: "egress",
  usage: "usage",
  journal: "journal",
  log: "log",
} as const satisfies Partial<Record<keyof Config, string>>;

/** What reading the config file anew came to. Sections are named as the file names them. */
export interface ConfigReload {
  hashBefore: string;
  hash: string;
  /** Sections that differ and hold now. */
  applied: string[];
  /** Sections that differ and stay as they were until this process starts anew. */
  needsRestart: string[];
}

export interface ConfigReloaderOptions {
  /** What everybody in this process holds. Its reloadable parts are replaced in place, all at once. */
  config: Config;
  /** Reads file and environment anew. @throws ConfigError with every mistake. */
  load: () => Config;
  /** Tells those who keep something that was made from the config. Must not throw. */
  onApplied: () => void;
  clock: Pick<Clock, "nowMs">;
  logger: Logger;
}

/** Reads the config file of a process that runs, and puts in force what can be, or nothing of it. */
export class ConfigReloader {
  readonly #options: ConfigReloaderOptions;
  #appliedAtMs: number;

  constructor(options: ConfigReloaderOptions) {
    this.#options = options;
    this.#appliedAtMs = options.clock.nowMs();
  }

  /** Since when what the file says holds: from the start, or from the last reload that was applied. */
  get appliedAtMs(): number {
    return this.#appliedAtMs;
  }

  /** Reads the file and puts it in force, for whoever hears nothing of it: what came of it is in the log. */
  handleSignal(): void {
    try {
      this.read().apply();
    } catch {
      // As it says.
    }
  }

  /**
   * Reads the file and says what it would change. Nothing has changed yet; `apply` puts it in force.
   *
   * @throws ConfigError with every mistake at once, which are in the log then; what was read before holds.
   */
  read(): { reload: ConfigReload; apply: () => void } {
    const { config, load, onApplied, clock, logger } = this.#options;
    let next: Config;
    try {
      next = load();
    } catch (error) {
      const mistakes: readonly ConfigMistake[] = error instanceof ConfigError ? error.mistakes : [];
      logger.error({ err: error, mistakes }, "The config file is refused; what was read before holds");
      throw error;
    }
    const reload = findReload(config, next);
    const apply = (): void => {
      const { budgetExceededStatus } = next.limits;
      const limits = { ...config.limits, budgetExceededStatus };
      const { models, functions, shorthands, prices, plans, rateLimiting, budgets, configHash, configFile } = next;
      const named = { models, functions, shorthands, prices, plans, rateLimiting, budgets };
      Object.assign(config, { ...named, configHash, configFile, limits });
      this.#appliedAtMs = clock.nowMs();
      onApplied();
      const { hash, applied: now, needsRestart } = reload;
      logger.info({ config_hash: hash, applied: now, needs_restart: needsRestart }, "The config file was read anew");
    };
    return { reload, apply };
  }
}

/** For a comparison alone: two secrets look the same from outside. */
function readAll(value: unknown): unknown {
  if (value instanceof Secret) return value.reveal();
  if (value instanceof Map) return [...value].map(([name, inner]) => [name, readAll(inner)]);
  if (Array.isArray(value)) return value.map(readAll);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, readAll(inner)]));
}

function findReload(config: Config, next: Config): ConfigReload {
  const differing = <K extends keyof Config>(sections: Partial<Record<K, string>>): string[] =>
    Object.entries(sections).flatMap(([key, name]) =>
      isDeepStrictEqual(readAll(config[key as K]), readAll(next[key as K])) ? [] : [String(name)],
    );
  const reload = {
    hashBefore: config.configHash,
    hash: next.configHash,
    applied: differing(applied),
    needsRestart: differing(restarted),
  };
  if (config.limits.budgetExceededStatus !== next.limits.budgetExceededStatus) {
    reload.applied.push("limits.budget_exceeded_status");
  }
  if (config.limits.budgetSurplus !== next.limits.budgetSurplus) reload.needsRestart.push("limits.budget_surplus");
  return reload;
}

/** Every section of the file, and when a change of it holds; a test holds the names against what the file may have. */
export const configSections: ReadonlyMap<string, "reload" | "restart" | "some of each"> = new Map([
  ...Object.values(applied).map((name) => [name, "reload"] as const),
  ["limits", "some of each"] as const,
  ...Object.values(restarted).map((name) => [name, "restart"] as const),
]);
