import { writeUtf8 } from "./utf8.ts";

/** The longest whole number that is written digit by digit. */
const smallMax = 1_000_000_000;
const smallMaxAmount = BigInt(smallMax);
/** Digits of a small number, a sign and a fraction. */
const numberBytesMax = 16;
const zero = 0x30;
const point = 0x2e;

/**
 * Collects text as UTF-8 bytes in one growing buffer. Each piece is encoded once, when it comes: a text that is put together
 * from pieces first is copied three times on the way, and leaves a small object for each of them.
 */
export class TextBuffer {
  #bytes: Buffer;
  #length = 0;

  /** @param bytesAtFirst room to begin with; it doubles when it is full. */
  constructor(bytesAtFirst: number) {
    this.#bytes = Buffer.allocUnsafeSlow(bytesAtFirst);
  }

  /** Bytes held. */
  get length(): number {
    return this.#length;
  }

  append(text: string): void {
    // A UTF-16 unit takes at most three bytes.
    this.#reserve(text.length * 3);
    this.#length += writeUtf8(this.#bytes, text, this.#length);
  }

  /** @param code of an ASCII character. */
  appendCode(code: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = code;
  }

  /** A number as JavaScript writes it. Quick for whole ones. */
  appendNumber(value: number): void {
    if (!Number.isInteger(value) || value < 0 || value >= smallMax || Object.is(value, -0)) this.append(String(value));
    else {
      this.#reserve(numberBytesMax);
      this.#appendSmall(value);
    }
  }

  appendBigInt(value: bigint): void {
    if (value >= 0n && value < smallMaxAmount) this.appendNumber(Number(value));
    else this.append(value.toString());
  }

  /** A number that is meant to have no more than three decimals, which are all written. Any other one stays what it is too. */
  appendMilli(value: number): void {
    const thousandths = Math.round(value * 1_000);
    if (!(thousandths > 0 && thousandths < smallMax) || thousandths / 1_000 !== value) return this.appendNumber(value);
    this.#reserve(numberBytesMax);
    const whole = Math.floor(thousandths / 1_000);
    this.#appendSmall(whole);
    const rest = thousandths - whole * 1_000;
    const bytes = this.#bytes;
    const hundreds = (rest / 100) | 0;
    const tens = ((rest - hundreds * 100) / 10) | 0;
    bytes[this.#length++] = point;
    bytes[this.#length++] = zero + hundreds;
    bytes[this.#length++] = zero + tens;
    bytes[this.#length++] = zero + rest - hundreds * 100 - tens * 10;
  }

  /** What is held, valid until the next call of any method. Empties the buffer. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  /** @param value whole, not negative, below {@link smallMax}. */
  #appendSmall(value: number): void {
    const bytes = this.#bytes;
    let digits = 1;
    for (let bound = 10; value >= bound; bound *= 10) digits++;
    const end = this.#length + digits;
    let left = value;
    for (let at = end - 1; at >= this.#length; at--) {
      const tenth = (left / 10) | 0;
      bytes[at] = zero + left - tenth * 10;
      left = tenth;
    }
    this.#length = end;
  }

  #reserve(bytes: number): void {
    const most = this.#length + bytes;
    if (most > this.#bytes.length) this.#grow(most);
  }

  #grow(bytesMin: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(bytesMin, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
