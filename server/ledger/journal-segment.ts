import { closeSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";

const journalVersion = 2;
export const segmentPattern = /^\d{8}\.journal$/;

/** One append-only file. It may go once it is no longer written to and every event that it names is in PostgreSQL. */
export class JournalSegment {
  readonly path: string;
  readonly #fd: number;
  bytes = 0;
  /** Records in it whose event is not in PostgreSQL yet. */
  unsettled = 0;
  #finished = false;
  #gone = false;

  constructor(folder: string, number: number) {
    this.path = join(folder, `${String(number).padStart(8, "0")}.journal`);
    this.#fd = openSync(this.path, "a", 0o600);
    this.append(Buffer.from(`H\t${journalVersion}\n`));
  }

  /**
   * Appends whole records.
   *
   * @throws where the system took less than all of it (a full disk). What was written of the last record has no line
   * end, and readers leave it out.
   */
  append(data: Buffer): void {
    let offset = 0;
    while (offset < data.length) {
      const written = writeSync(this.#fd, data, offset);
      if (written === 0) throw new Error(`Nothing could be written to ${this.path}`);
      offset += written;
    }
    this.bytes += data.length;
  }

  /** A record of it was settled. Removes the file when it was the last one. */
  settleOne(): void {
    this.unsettled--;
    this.#removeWhenDone();
  }

  /** No more records will come. */
  finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    closeSync(this.#fd);
    this.#removeWhenDone();
  }

  #removeWhenDone(): void {
    if (!this.#finished || this.unsettled > 0 || this.#gone) return;
    this.#gone = true;
    unlinkSync(this.path);
  }
}
