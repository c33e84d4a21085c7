import type { Database } from "../../db/client.ts";
import { loadSealedCredentials } from "../../db/queries/provider-credentials.ts";
import type { Secret } from "../core/secret.ts";
import type { Clock } from "../platform/clock.ts";
import type { Config } from "../platform/config.ts";
import type { Logger } from "../platform/logger.ts";
import { openSealedCredential } from "./stored-credential.ts";

/** While nothing proves that changes are heard, credentials are read this often; two tries fit into the promised 10 s. */
const rereadIntervalMs = 4_000;
const reportsMax = 1_000;

export interface CredentialVaultOptions {
  database: Database;
  clock: Clock;
  logger: Logger;
  config: Pick<Config, "sealKeys">;
}

/**
 * The stored credentials of providers, opened, in memory: a call waits for no store. They are read anew when a change is
 * heard of; what was read before holds meanwhile, and as long as PostgreSQL is away.
 */
export class CredentialVault {
  readonly #options: CredentialVaultOptions;
  #secrets: ReadonlyMap<string, Secret> = new Map();
  #versions: ReadonlyMap<string, number> = new Map();
  readonly #reported = new Set<string>();
  /** Loads run one after the other, so that what was read last is what holds. */
  #loads: Promise<void> = Promise.resolve();
  #isLoadWaiting = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: CredentialVaultOptions) {
    this.#options = options;
  }

  /** The credential of the name; `null` where none is stored, or it cannot be opened. The same object until it changes. */
  find(name: string): Secret | null {
    return this.#secrets.get(name) ?? null;
  }

  /** A call needed a credential that is not there or cannot be used; told once, and again after the next change. */
  reportLack(name: string, provider: string, fault: string): void {
    const kind = `${name} ${provider} ${fault}`;
    if (this.#reported.has(kind) || this.#reported.size >= reportsMax) return;
    this.#reported.add(kind);
    this.#options.logger.warn(
      { event: "credential_missing", name, provider, fault },
      "a stored credential that a call needs cannot be used",
    );
  }

  /**
   * Reads what is stored, before the first call is let in.
   *
   * @param channel what says until when every change is heard of.
   * @throws when PostgreSQL cannot be reached.
   */
  async open(channel: { trustedUntilMs(): number }): Promise<void> {
    await this.#queueLoad();
    this.#timer = setInterval(() => {
      if (this.#options.clock.monotonicMs() >= channel.trustedUntilMs()) this.noticeChange();
    }, rereadIntervalMs);
    this.#timer.unref();
  }

  /** Reads what is stored now, for who has just changed it. @throws when PostgreSQL cannot be reached. */
  async load(): Promise<void> {
    await this.#queueLoad();
  }

  /** Something that is stored has changed, or may have, unheard. */
  noticeChange(): void {
    // A load that has not begun yet will see the change.
    if (this.#isLoadWaiting || this.#isClosed) return;
    this.#queueLoad().catch((error: unknown) => {
      this.#options.logger.warn({ err: error }, "stored credentials could not be read; those of before are used");
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#loads;
    this.#secrets = new Map();
  }

  #queueLoad(): Promise<void> {
    this.#isLoadWaiting = true;
    const load = this.#loads.then(async () => {
      this.#isLoadWaiting = false;
      if (!this.#isClosed) await this.#load();
    });
    this.#loads = load.catch(() => undefined);
    return load;
  }

  async #load(): Promise<void> {
    const { database, config, logger } = this.#options;
    const stored = await loadSealedCredentials(database.sql);
    const secrets = new Map<string, Secret>();
    for (const entry of stored) {
      const known = this.#secrets.get(entry.name);
      try {
        const secret = openSealedCredential(config.sealKeys, entry);
        secrets.set(entry.name, known?.equals(secret) === true ? known : secret);
      } catch (error) {
        // Sealed anew with a key that only processes of a newer configuration have: it holds what it held.
        const isKnown = known !== undefined && this.#versions.get(entry.name) === entry.version;
        if (isKnown) secrets.set(entry.name, known);
        const { name } = entry;
        logger.error({ err: error, name, used: isKnown }, "a stored credential cannot be opened");
      }
    }
    this.#secrets = secrets;
    this.#versions = new Map(stored.map(({ name, version }) => [name, version]));
    this.#reported.clear();
  }
}
