import { appendFileSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "../../db/client.ts";
import { isRefusedData } from "../../db/queries/insert-usage-events.ts";
import type { UsageIngest } from "../../db/usage-ingest.ts";
import type { RefusalBatch } from "../core/refusal-count.ts";
import { makeCloseLine, makeOpenLine } from "../core/usage-line.ts";
import type { Clock } from "../platform/clock.ts";
import { passFailpoint } from "../platform/failpoint.ts";
import type { Logger } from "../platform/logger.ts";
import type { Metrics } from "../platform/metrics.ts";
import type { ClosedEntry, Journal } from "./journal.ts";
import type { RefusalCounts } from "./refusal-counts.ts";

export interface FlusherOptions {
  database: Database;
  journal: Journal;
  process: string;
  clock: Clock;
  metrics: Metrics;
  logger: Logger;
  flushIntervalMs: number;
  batchEventsMax: number;
  /** Events that may wait in memory; past it {@link Flusher.isFull} and new calls must be refused. */
  pendingEventsMax: number;
  /** Stored with the next batch of events, or alone where there is none. */
  refusals: RefusalCounts;
}

const retryDelayMaxMs = 2_000;

/** Moves closed events into PostgreSQL in batches, one at a time, on a connection of its own. */
export class Flusher {
  readonly #options: FlusherOptions;
  readonly #ingest: UsageIngest;
  #waiting: ClosedEntry[] = [];
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #failuresInRow = 0;
  /** Events since the start. */
  #added = 0;
  #closed = false;

  constructor(options: FlusherOptions) {
    this.#options = options;
    this.#ingest = options.database.openUsageIngest(() => passFailpoint("before-commit"));
    options.refusals.onPending = () => {
      if (this.#running === null && !this.#closed) this.#schedule(options.flushIntervalMs);
    };
  }

  get pending(): number {
    return this.#waiting.length;
  }

  get isFull(): boolean {
    return this.#waiting.length >= this.#options.pendingEventsMax;
  }

  add(closed: ClosedEntry): void {
    this.#waiting.push(closed);
    this.#added++;
    if (this.#running !== null || this.#closed) return;
    if (this.#waiting.length >= this.#options.batchEventsMax && this.#failuresInRow === 0) this.#start();
    else this.#schedule(this.#options.flushIntervalMs);
  }

  /**
   * Writes what waits now, without waiting for the next round.
   *
   * @returns whether all that had ended by the call is in PostgreSQL.
   */
  async flush(): Promise<boolean> {
    const wanted = this.#added;
    while (this.#added - this.#waiting.length < wanted && !this.#closed) {
      // Started after the call: a batch that is on its way may not hold the last of them.
      await this.#running;
      this.#start();
      await this.#running;
      if (this.#failuresInRow > 0) return false;
    }
    return this.#added - this.#waiting.length >= wanted;
  }

  /** Writes all that waits. Resolves with how many could not be written; they stay in the journal. */
  async close(deadlineMs: number): Promise<number> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const deadline = this.#options.clock.monotonicMs() + deadlineMs;
    await this.#running;
    while (this.#isPending() && this.#options.clock.monotonicMs() < deadline) {
      if (!(await this.#flushOnce())) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await this.#ingest.end();
    return this.#waiting.length;
  }

  #isPending(): boolean {
    return this.#waiting.length > 0 || this.#options.refusals.isPending;
  }

  #schedule(delayMs: number): void {
    if (this.#timer !== null) return;
    this.#timer = setTimeout(() => this.#start(), delayMs);
  }

  #start(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#running !== null) return;
    this.#running = this.#drain().finally(() => {
      this.#running = null;
      if (!this.#isPending() || this.#closed) return;
      const backoffMs = Math.min(this.#options.flushIntervalMs * 2 ** this.#failuresInRow, retryDelayMaxMs);
      this.#schedule(this.#failuresInRow === 0 ? this.#options.flushIntervalMs : backoffMs);
    });
  }

  /** Goes on without a pause while whole batches wait. */
  async #drain(): Promise<void> {
    do {
      if (!(await this.#flushOnce())) return;
    } while (this.#waiting.length >= this.#options.batchEventsMax);
  }

  async #flushOnce(): Promise<boolean> {
    const { clock, metrics, logger, batchEventsMax } = this.#options;
    const batch = this.#waiting.slice(0, batchEventsMax);
    const refusals = this.#options.refusals.take();
    if (batch.length === 0 && refusals === null) return true;
    const startedAtMs = clock.monotonicMs();
    try {
      await this.#insert(batch, refusals);
      passFailpoint("after-commit");
      if (refusals !== null) this.#options.refusals.release(refusals);
      // New events were appended behind the batch meanwhile.
      this.#waiting.splice(0, batch.length);
      this.#options.journal.release(batch);
      this.#failuresInRow = 0;
      metrics.flushBatches++;
      metrics.flushEvents += batch.length;
      metrics.observeFlush(clock.monotonicMs() - startedAtMs);
      return true;
    } catch (error) {
      this.#failuresInRow++;
      metrics.flushFailures++;
      // The first failure and then each time the backoff is at its end: one line every few seconds at the most.
      if (this.#failuresInRow === 1 || this.#failuresInRow % 8 === 0) {
        logger.warn(
          { err: error, pending: this.#waiting.length },
          "usage events wait: PostgreSQL did not take a batch",
        );
      }
      return false;
    }
  }

  /** One event that PostgreSQL can never take must not hold up the others: it is found by halving and set aside. */
  async #insert(batch: readonly ClosedEntry[], refusals: RefusalBatch | null): Promise<void> {
    try {
      await this.#ingest.insert(
        this.#options.process,
        batch.map((closed) => closed.event),
        refusals,
      );
    } catch (error) {
      if (!isRefusedData(error)) throw error;
      if (refusals !== null) {
        // Counts are worth less than events: where one of them is at fault they are gone, and the events decide alone.
        this.#options.logger.error({ err: error }, "PostgreSQL refused a batch that has counts of refusals");
        return await this.#insert(batch, null);
      }
      if (batch.length === 0) return;
      if (batch.length === 1) {
        const [refused] = batch as [ClosedEntry];
        appendFileSync(
          join(this.#options.journal.folder, "..", "refused.log"),
          `O\t${makeOpenLine(refused.event)}\nC\t${makeCloseLine(refused.event)}\n`,
          { mode: 0o600 },
        );
        this.#options.logger.error(
          { err: error, event: refused.event.id },
          "PostgreSQL refused a usage event; it is kept in journal/refused.log",
        );
        return;
      }
      const half = batch.length >> 1;
      await this.#insert(batch.slice(0, half), null);
      await this.#insert(batch.slice(half), null);
    }
  }
}
