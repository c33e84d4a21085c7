import type { Database } from "../../db/client.ts";
import { listClientOrigins } from "../../db/queries/list-client-origins.ts";
import { makeRefusal, type Refusal } from "../core/error.ts";
import { listOriginEntries } from "../core/origin.ts";
import { waitFor } from "../platform/backoff.ts";
import type { Clock } from "../platform/clock.ts";
import type { KeyChannel } from "./key-channel.ts";

/** However many keys change and however many ask, the store is read at most once in this time. */
const readIntervalMs = 250;
/** What was read counts for this long where nothing proves that every change was heard of, or while it is read anew. */
const ageMaxMs = 1_000;
const readTimeoutMs = 1_000;

export interface ClientOriginsOptions {
  database: Database;
  clock: Clock;
  channel: Pick<KeyChannel, "trustedUntilMs" | "lastContactMs">;
  /** How long the last known origins are answered from while PostgreSQL cannot be reached. */
  graceMs: number;
}

/**
 * The origins that live client keys allow, in memory: what a preflight, which carries no key, is judged by. Read by one
 * query when somebody asks and a key has changed since; at most a second old, like a key. Ends of keys count by the clock.
 */
export class ClientOrigins {
  readonly #options: ClientOriginsOptions;
  #endsAtMs: ReadonlyMap<string, number> = new Map();
  /** When the read began that the origins come from, and when the last one that was tried. */
  #readAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #changedAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  constructor(options: ClientOriginsOptions) {
    this.#options = options;
  }

  /** A key changed; which one does not matter. */
  noticeChange(): void {
    this.#changedAtMs = this.#options.clock.monotonicMs();
  }

  /** Answers by what was read last, without asking the store. */
  isHeld(origin: string): boolean {
    const nowMs = this.#options.clock.nowMs();
    return listOriginEntries(origin).some((entry) => (this.#endsAtMs.get(entry) ?? 0) > nowMs);
  }

  /** @returns a refusal (503) where it cannot be known now. */
  async isAllowed(origin: string): Promise<boolean | Refusal> {
    const { channel, clock, graceMs } = this.#options;
    const nowMs = clock.monotonicMs();
    const isOutdated =
      nowMs < channel.trustedUntilMs() ? this.#changedAtMs >= this.#readAtMs : nowMs - this.#readAtMs >= ageMaxMs;
    if (isOutdated) {
      this.#reading ??= this.#read(Math.max(0, this.#triedAtMs + readIntervalMs - nowMs)).finally(() => {
        this.#reading = null;
      });
      // What is held may be a second old; what is not may be of a key that was made just now.
      if (nowMs - this.#readAtMs < ageMaxMs && this.isHeld(origin)) return true;
      await this.#reading;
    }
    const isKnown = this.#readAtMs === this.#triedAtMs || clock.monotonicMs() - channel.lastContactMs() < graceMs;
    if (isKnown && this.#readAtMs > Number.NEGATIVE_INFINITY) return this.isHeld(origin);
    return makeRefusal("store_unavailable", undefined, { retryAfterSeconds: 1 });
  }

  /** Leaves what was read before where PostgreSQL does not answer. */
  async #read(delayMs: number): Promise<void> {
    if (delayMs > 0) await waitFor(delayMs);
    const atMs = this.#options.clock.monotonicMs();
    this.#triedAtMs = atMs;
    const timer = new AbortController();
    const late = waitFor(readTimeoutMs, timer.signal).then(() => null);
    try {
      const rows = await Promise.race([listClientOrigins(this.#options.database.sql), late]);
      if (rows === null) return;
      this.#endsAtMs = new Map(rows.map(({ origin, endsAtMs }) => [origin, endsAtMs]));
      this.#readAtMs = atMs;
    } catch {
      // `#readAtMs` stays behind `#triedAtMs`, and says so.
    } finally {
      timer.abort();
    }
  }
}
