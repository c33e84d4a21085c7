import { writeUtf8 } from "../server/core/utf8.ts";

/** Milliseconds from 1970 to PostgreSQL's own epoch, 2000-01-01. */
const postgresEpochMs = 946_684_800_000;
const signature = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const bytesAtFirst = 96 * 1024;
/** What 40 columns take at the most, texts left out, so that only rows and texts have to ask for room. */
const fixedBytesMax = 512;

/** Value of an ASCII hex digit, lower case. */
function parseHexDigit(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

/**
 * Writes rows in the binary format of COPY. Call {@link row} and then one method for each column, in order; take the bytes
 * as often as you like, and at the end with {@link takeLast}.
 *
 * Source: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
 */
export class CopyBuffer {
  #bytes = Buffer.allocUnsafeSlow(bytesAtFirst);
  #view = new DataView(this.#bytes.buffer);
  #at = signature.copy(this.#bytes);

  /** Begins a row of at most 40 columns. */
  row(columns: number): void {
    this.#reserve(2);
    this.#view.setInt16(this.#at, columns);
    this.#at += 2;
  }

  null(): void {
    this.#view.setInt32(this.#at, -1);
    this.#at += 4;
  }

  boolean(value: boolean): void {
    this.#view.setInt32(this.#at, 1);
    this.#bytes[this.#at + 4] = value ? 1 : 0;
    this.#at += 5;
  }

  smallint(value: number): void {
    this.#view.setInt32(this.#at, 2);
    this.#view.setInt16(this.#at + 4, value);
    this.#at += 6;
  }

  /** A `bigint` column. @param value an integer that a double holds exactly. */
  integer(value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    this.#view.setInt32(this.#at, 8);
    this.#view.setInt32(this.#at + 4, high);
    this.#view.setUint32(this.#at + 8, value - high * 0x1_0000_0000);
    this.#at += 12;
  }

  /** A `bigint` column, for amounts that a double may not hold. */
  bigint(value: bigint): void {
    this.#view.setInt32(this.#at, 8);
    this.#view.setBigInt64(this.#at + 4, value);
    this.#at += 12;
  }

  real(value: number): void {
    this.#view.setInt32(this.#at, 4);
    this.#view.setFloat32(this.#at + 4, value);
    this.#at += 8;
  }

  /** @param ms milliseconds since 1970. */
  instant(ms: number): void {
    this.integer((ms - postgresEpochMs) * 1_000);
  }

  /** @param text the usual form with four dashes, lower case. */
  uuid(text: string): void {
    this.#view.setInt32(this.#at, 16);
    this.#at += 4;
    for (let index = 0; index < 36; index += 2) {
      if (text.charCodeAt(index) === 45) index++;
      this.#bytes[this.#at++] =
        (parseHexDigit(text.charCodeAt(index)) << 4) | parseHexDigit(text.charCodeAt(index + 1));
    }
  }

  text(text: string): void {
    const lengthAt = this.#at;
    this.#at += 4;
    this.#write(text);
    this.#view.setInt32(lengthAt, this.#at - lengthAt - 4);
  }

  /** @param text JSON. */
  jsonb(text: string): void {
    const lengthAt = this.#at;
    // Version of the format, then the text.
    this.#bytes[lengthAt + 4] = 1;
    this.#at += 5;
    this.#write(text);
    this.#view.setInt32(lengthAt, this.#at - lengthAt - 4);
  }

  /** Where the next column will stand, for {@link since}. */
  get position(): number {
    return this.#at;
  }

  /** The columns that were written from a position on, for {@link again}. Nothing may have been taken since. */
  since(position: number): Uint8Array {
    return this.#bytes.subarray(position, this.#at);
  }

  /** Writes columns once more that stand in this or another row. */
  again(columns: Uint8Array): void {
    this.#reserve(columns.length);
    this.#bytes.set(columns, this.#at);
    this.#at += columns.length;
  }

  /** What was written since the last time. The bytes are the caller's: they may go out long after. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#at);
    this.#bytes = Buffer.allocUnsafeSlow(bytesAtFirst);
    this.#view = new DataView(this.#bytes.buffer);
    this.#at = 0;
    return taken;
  }

  /** The same with the mark that no row follows. */
  takeLast(): Buffer {
    this.#reserve(2);
    this.#view.setInt16(this.#at, -1);
    this.#at += 2;
    return this.take();
  }

  #write(text: string): void {
    // A UTF-16 unit takes at most three bytes.
    this.#reserve(text.length * 3);
    this.#at += writeUtf8(this.#bytes, text, this.#at);
  }

  /** Makes room for this many bytes and for the fixed columns that may follow in the row. */
  #reserve(bytes: number): void {
    const needed = this.#at + bytes + fixedBytesMax;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
