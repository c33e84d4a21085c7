declare const eventIdBrand: unique symbol;
/** UUIDv7 in lower-case text form; its first 48 bits are milliseconds since 1970, so it says its own partition. */
export type EventId = string & { readonly [eventIdBrand]: true };

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

/** The creation time of a UUIDv7 in milliseconds since 1970. */
export function parseEventTime(id: EventId): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
