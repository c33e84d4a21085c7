declare const eventIdBrand: unique symbol;
/** UUIDv7 in lower-case text form; its first 48 bits are milliseconds since 1970, so it says its own partition. */
export type EventId = string & { readonly [eventIdBrand]: true };

/** By the code of the character. */
const hexDigits: readonly number[] = Array.from({ length: 128 }, (_, code) =>
  Number.parseInt(String.fromCharCode(code), 16),
);

const hex: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * Makes a UUIDv7 (RFC 9562) from a time and ten random bytes.
 *
 * @param timeMs milliseconds since 1970, an integer below 2^48.
 * @param random at least `offset + 10` bytes.
 */
export function makeEventId(timeMs: number, random: Uint8Array, offset: number): EventId {
  const high = Math.floor(timeMs / 0x1_0000);
  const low = timeMs % 0x1_0000;
  const byte = (index: number): number => random[offset + index] as number;
  return (hex[(high >>> 24) & 255]! +
    hex[(high >>> 16) & 255] +
    hex[(high >>> 8) & 255] +
    hex[high & 255] +
    "-" +
    hex[low >>> 8] +
    hex[low & 255] +
    "-" +
    hex[(byte(0) & 0x0f) | 0x70] +
    hex[byte(1)] +
    "-" +
    hex[(byte(2) & 0x3f) | 0x80] +
    hex[byte(3)] +
    "-" +
    hex[byte(4)] +
    hex[byte(5)] +
    hex[byte(6)] +
    hex[byte(7)] +
    hex[byte(8)] +
    hex[byte(9)]) as EventId;
}

/** The creation time of a UUIDv7 in milliseconds since 1970; NaN where the text does not begin like one. */
export function parseEventTime(id: EventId): number {
  let ms = 0;
  for (let at = 0; at < 13; at++) {
    if (at === 8) continue;
    ms = ms * 16 + (hexDigits[id.charCodeAt(at)] ?? Number.NaN);
  }
  return ms;
}
