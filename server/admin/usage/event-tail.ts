import type { Database } from "../../../db/client.ts";
import { findSeenParts, listNewEvents, type SeenParts } from "../../../db/queries/list-new-events.ts";
import type { StoredEvent } from "../../../db/queries/usage-event-row.ts";
import type { Logger } from "../../platform/logger.ts";

/** What a reader is told at each look, also where nothing is new. */
export type TailListener = (news: { events: readonly StoredEvent[]; left: number }) => void;

const everyMs = 1_000;
/** Of one look, for all readers. */
const eventsMax = 500;

/**
 * Follows the ledger for everybody who watches it in this process: one small question a second while somebody does, and none
 * else. What the process misses while the database is away is not told later.
 */
class EventTail {
  readonly #database: Database;
  readonly #listeners = new Set<TailListener>();
  #seen: SeenParts | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @returns what ends it. */
  open(listener: TailListener, logger: Logger): () => void {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#schedule(logger, 0);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
      this.#seen = null;
    };
  }

  #schedule(logger: Logger, delayMs: number): void {
    this.#timer = setTimeout(() => void this.#look(logger), delayMs);
    this.#timer.unref();
  }

  async #look(logger: Logger): Promise<void> {
    const timer = this.#timer;
    let news: Parameters<TailListener>[0] = { events: [], left: 0 };
    try {
      const found =
        this.#seen === null
          ? { ...news, seen: await findSeenParts(this.#database.sql) }
          : await listNewEvents(this.#database.sql, this.#seen, eventsMax);
      // Who came after the last reader had left began anew.
      if (this.#timer !== timer) return;
      this.#seen = found.seen;
      news = found;
    } catch (error) {
      logger.warn({ err: error }, "the ledger could not be looked at for its newest events");
    }
    if (this.#timer !== timer) return;
    for (const listener of this.#listeners) listener(news);
    this.#schedule(logger, everyMs);
  }
}

const tails = new WeakMap<Database, EventTail>();

/** The one of a database. */
export function findEventTail(database: Database): EventTail {
  const tail = tails.get(database) ?? new EventTail(database);
  tails.set(database, tail);
  return tail;
}
