import { mkdirSync, readdirSync, rmdirSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { TextBuffer } from "../core/text-buffer.ts";
import type { UsageEvent } from "../core/usage-event.ts";
import { writeCloseLine, writeOpenLine } from "../core/usage-line.ts";
import type { Clock } from "../platform/clock.ts";
import { passFailpoint } from "../platform/failpoint.ts";
import type { Metrics } from "../platform/metrics.ts";
import { getJournalOwner } from "./journal-owner.ts";
import { JournalSegment } from "./journal-segment.ts";

export const ownerFile = "owner.json";
const heartbeatIntervalMs = 5_000;

/** An event that was opened, and the segments that name it (`null`: not written). */
export interface JournalEntry {
  /** Settles once its beginning is on file; only then may the provider be called. Rejects where it could not be written. */
  written: Promise<void>;
  openedIn: JournalSegment | null;
  closedIn: JournalSegment | null;
  /** Of the same event, opened again after it. */
  before: JournalEntry | null;
}

/** Who wants to know that an event is in PostgreSQL. */
export interface StoredWatcher {
  noticeStored(): void;
}

/** A closed event on its way to PostgreSQL. */
export interface ClosedEntry {
  entry: JournalEntry;
  event: UsageEvent;
  watcher: StoredWatcher | null;
}

export interface JournalOptions {
  /** Holds a folder for each process incarnation. */
  journalDir: string;
  /** Unique to this process incarnation; names its folder. */
  process: string;
  segmentBytesMax: number;
  clock: Clock;
  metrics: Metrics;
}

/**
 * An append-only log of this process's calls. All records of one turn of the event loop go out in one write
 * (0.6 us per request at 64 in a turn, 7 us for a lone one); no fsync: the system's page cache outlives `kill -9`.
 */
export class Journal {
  readonly folder: string;
  readonly #options: JournalOptions;
  readonly #heartbeat: NodeJS.Timeout;
  #segment: JournalSegment;
  #segmentNumber = 1;
  readonly #text = new TextBuffer(64 * 1024);
  #opens: JournalEntry[] = [];
  #closes: JournalEntry[] = [];
  /** What was written last, here or to the file, stopped in the middle of a record. */
  #torn = false;
  #commit: { promise: Promise<void>; resolve(): void; reject(error: unknown): void } | null = null;
  #scheduled = false;
  #closed = false;

  constructor(options: JournalOptions) {
    this.#options = options;
    this.folder = join(options.journalDir, options.process);
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    const owner = join(this.folder, ownerFile);
    writeFileSync(owner, JSON.stringify(getJournalOwner()), { mode: 0o600 });
    this.#segment = new JournalSegment(this.folder, this.#segmentNumber);
    // At once too: its age is held against the database's time, and the file system has the machine's.
    const beat = (): void => {
      const seconds = options.clock.nowMs() / 1000;
      try {
        utimesSync(owner, seconds, seconds);
      } catch {
        // Somebody took the folder away. The next write says so to the call that it is for.
        options.metrics.journalWriteErrors++;
      }
    };
    beat();
    this.#heartbeat = setInterval(beat, heartbeatIntervalMs);
    this.#heartbeat.unref();
  }

  /**
   * Writes that a call is about to be made. `event` holds what is charged if its end is never seen.
   *
   * @param before its entry so far, where more is charged now than when it was opened: the last beginning counts.
   */
  open(event: UsageEvent, before: JournalEntry | null = null): JournalEntry {
    writeOpenLine(this.#begin("O\t"), event);
    this.#torn = false;
    this.#commit ??= makeCommit();
    const entry: JournalEntry = { written: this.#commit.promise, openedIn: null, closedIn: null, before };
    this.#opens.push(entry);
    return entry;
  }

  /** Writes how a call ended. The event itself travels on in memory, so a failed write loses nothing but the replay. */
  close(entry: JournalEntry, event: UsageEvent, watcher: StoredWatcher | null = null): ClosedEntry {
    writeCloseLine(this.#begin("C\t"), event);
    this.#torn = false;
    this.#closes.push(entry);
    return { entry, event, watcher };
  }

  /** The events are in PostgreSQL: their records are not needed any more. */
  release(entries: readonly ClosedEntry[]): void {
    for (const { entry, watcher } of entries) {
      for (let one: JournalEntry | null = entry; one !== null; one = one.before) one.openedIn?.settleOne();
      entry.closedIn?.settleOne();
      watcher?.noticeStored();
    }
  }

  /** Writes what waits and removes what PostgreSQL has; the folder too when nothing is left in it. */
  shutDown(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#heartbeat);
    this.#writeOut();
    this.#segment.finish();
    if (readdirSync(this.folder).every((name) => name === ownerFile)) {
      unlinkSync(join(this.folder, ownerFile));
      rmdirSync(this.folder);
    }
  }

  /** Begins a record, and has it written out when this turn is over. @returns where the rest of it goes, now. */
  #begin(kind: string): TextBuffer {
    // A record that was cut in the middle ends here, so that this one stands on a line of its own.
    if (this.#torn) this.#text.append("\n");
    this.#torn = true;
    this.#text.append(kind);
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#writeOut());
    }
    return this.#text;
  }

  #writeOut(): void {
    this.#scheduled = false;
    if (this.#text.length === 0) return;
    const commit = this.#commit;
    const opens = this.#opens;
    const closes = this.#closes;
    this.#commit = null;
    this.#opens = [];
    this.#closes = [];
    if (this.#segment.bytes >= this.#options.segmentBytesMax) this.#rotate();
    try {
      this.#segment.append(this.#text.take());
      if (opens.length > 0) passFailpoint("journal-opened");
      if (closes.length > 0) passFailpoint("journal-closed");
      for (const entry of opens) entry.openedIn = this.#segment;
      for (const entry of closes) entry.closedIn = this.#segment;
      this.#segment.unsettled += opens.length + closes.length;
      commit?.resolve();
    } catch (error) {
      this.#torn = true;
      this.#options.metrics.journalWriteErrors++;
      commit?.reject(error);
    }
  }

  #rotate(): void {
    const full = this.#segment;
    try {
      this.#segment = new JournalSegment(this.folder, ++this.#segmentNumber);
    } catch {
      // No room for a new file: go on in the full one.
      this.#options.metrics.journalWriteErrors++;
      return;
    }
    full.finish();
  }
}

function makeCommit(): { promise: Promise<void>; resolve(): void; reject(error: unknown): void } {
  let resolve: () => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
