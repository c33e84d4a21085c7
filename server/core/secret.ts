import { timingSafeEqual } from "node:crypto";

const hidden = "[secret]";

/**
 * A value that must not be printed: string conversion, JSON, and `util.inspect` all show `[secret]`.
 * The one way to the value is {@link Secret.reveal}, so that every use can be found by name.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The plain value. Give it to a network or crypto call at once; never keep or log it. */
  reveal(): string {
    return this.#value;
  }

  /** Length in UTF-16 code units, for checks of minimum length. */
  get length(): number {
    return this.#value.length;
  }

  /** Compares in constant time for values of equal length. */
  equals(other: Secret): boolean {
    const mine = Buffer.from(this.#value);
    const theirs = Buffer.from(other.#value);
    return mine.length === theirs.length && timingSafeEqual(mine, theirs);
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return hidden;
  }
}
