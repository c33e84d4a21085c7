import { createHash } from "node:crypto";
import type { Database } from "../../db/client.ts";
import { loadLimitRules, type StoredRules, updateConfigHash } from "../../db/queries/load-limit-rules.ts";
import type { ApiKey } from "../core/api-key.ts";
import type { BudgetTerms } from "../core/budget.ts";
import { makeWireBudget } from "../core/budget-rule.ts";
import type { RateBucket } from "../core/rate-limit.ts";
import type { Clock } from "../platform/clock.ts";
import type { Config } from "../platform/config.ts";
import type { Logger } from "../platform/logger.ts";
import { ChangeReader } from "./change-reader.ts";
import { type RuleCall, RuleSet } from "./rule-set.ts";
import { makeConfigEntry, parseStoredRules } from "./stored-rules.ts";

export interface RuleBookOptions {
  database: Database;
  clock: Clock;
  logger: Logger;
  config: Pick<Config, "rateLimiting" | "budgets">;
}

/** The rules that hold now: those of the config file, and those that admins stored. */
export class RuleBook {
  readonly #options: RuleBookOptions;
  readonly #reader: ChangeReader;
  #configHash: string;
  /** The hash that PostgreSQL was told last. */
  #toldHash: string | null = null;
  #stored: StoredRules["rules"] = [];
  #set: RuleSet;
  #version = 0;
  /** The stored version that the terms of budgets carry. */
  #termsVersion = 0;

  constructor(options: RuleBookOptions) {
    this.#options = options;
    this.#configHash = makeConfigHash(options.config);
    this.#set = this.#makeSet([]);
    this.#reader = new ChangeReader({
      clock: options.clock,
      load: () => this.#load(),
      onFailure: (error) => {
        // The channel is down too, or will be: the timer tries again.
        options.logger.warn({ err: error }, "limit rules could not be read; the ones that were read before hold");
      },
    });
  }

  /** Grows with each change of the rules in this process: what was found before may be used again while it is the same. */
  get version(): number {
    return this.#version;
  }

  /** See {@link RuleSet.findBuckets}. */
  findBuckets(call: RuleCall): readonly RateBucket[] {
    return this.#set.findBuckets(call);
  }

  /** See {@link RuleSet.findBudgets}. */
  findBudgets(key: ApiKey): readonly BudgetTerms[] {
    return this.#set.findBudgets(key);
  }

  /**
   * Reads the stored rules for the first time, before the first call is let in.
   *
   * @param channel what says until when every change is heard of; while it does not, rules are read every few seconds.
   * @throws when PostgreSQL cannot be reached.
   */
  async open(channel: { trustedUntilMs(): number }): Promise<void> {
    const { logger, config } = this.#options;
    const { enabled, rules } = config.rateLimiting;
    if (!enabled && rules.length > 0) {
      logger.warn({ rules: rules.length }, "rate_limiting.enabled is false: no rate rule is enforced");
    }
    await this.#reader.open(channel);
  }

  /** The stored rules have changed, or may have, unheard. What holds stays in force until they are read. */
  noticeChange(): void {
    this.#reader.noticeChange();
  }

  /** The config that this book was made with says something else now. It holds at once; other processes hear of changed budgets. */
  noticeConfig(): void {
    this.#configHash = makeConfigHash(this.#options.config);
    this.#set = this.#makeSet(this.#stored);
    this.#version += 1;
    this.#reader.noticeChange();
  }

  async close(): Promise<void> {
    await this.#reader.close();
  }

  async #load(): Promise<void> {
    const { sql } = this.#options.database;
    const hash = this.#configHash;
    if (hash !== this.#toldHash) await updateConfigHash(sql, hash);
    this.#toldHash = hash;
    const stored = await loadLimitRules(sql);
    this.#stored = stored.rules;
    // With an older config file than the newest process has, the terms stay those of before: they must not win.
    if (stored.configHash === this.#configHash) this.#termsVersion = stored.version;
    this.#set = this.#makeSet(stored.rules);
    this.#version += 1;
  }

  #makeSet(stored: StoredRules["rules"]): RuleSet {
    const { rateLimiting, budgets } = this.#options.config;
    const parsed = parseStoredRules(stored, (id, error) => this.#reportBroken(id, error));
    const rules = [...rateLimiting.rules, ...parsed.rules.values()];
    const entries = [...budgets.map(makeConfigEntry), ...parsed.budgets.values()];
    return new RuleSet({
      rules: rateLimiting.enabled ? rules : [],
      budgets: entries,
      trustRequestTags: rateLimiting.trustRequestTags,
      version: this.#termsVersion,
    });
  }

  /** Typed by hand, or of a newer release: nothing of this one writes such a row. */
  #reportBroken(id: string, error: Error): void {
    this.#options.logger.error({ err: error, rule: id }, "a stored limit rule cannot be read and does not hold");
  }
}

/** Of the budgets of the config file. */
function makeConfigHash(config: RuleBookOptions["config"]): string {
  const budgets = config.budgets.map(makeWireBudget);
  return budgets.length === 0 ? "" : createHash("sha256").update(JSON.stringify(budgets)).digest("hex");
}
