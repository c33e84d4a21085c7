const lf = 0x0a;
const cr = 0x0d;
const colon = 0x3a;
const space = 0x20;
const newline = Buffer.from("\n");

export interface SseFields {
  /** The last `event` field; `null` where there is none or it is empty. */
  event: string | null;
  /** The `data` lines joined with LF, without the last one; `null` where there is no such line. */
  data: Buffer | null;
}

/**
 * Reads one event's fields from its bytes; `id`, `retry`, comments and unknown fields are left out.
 *
 * A byte order mark is the caller's to leave out, at the start of the stream. One `data` line is returned as a slice
 * of `bytes`, several are copied. Source: WHATWG HTML, section 9.2.6.
 */
export function parseSseEvent(bytes: Buffer): SseFields {
  const length = bytes.length;
  let event: string | null = null;
  let data: Buffer | null = null;
  let dataLines: Buffer[] | null = null;
  // Each is searched again only when passed, so that no mixture of line ends costs more than linear time.
  let nextLf = -1;
  let nextCr = -1;
  for (let start = 0; start < length; ) {
    if (nextLf < start) nextLf = findOrEnd(bytes, lf, start);
    if (nextCr < start) nextCr = findOrEnd(bytes, cr, start);
    const end = nextLf < nextCr ? nextLf : nextCr;
    const isData = isField(bytes, start, end, "data");
    if (isData || isField(bytes, start, end, "event")) {
      const nameEnd = start + (isData ? 4 : 5);
      // A field without a colon has the empty value; one space behind the colon is not part of the value.
      const from = Math.min(end, bytes[nameEnd + 1] === space ? nameEnd + 2 : nameEnd + 1);
      if (!isData) event = bytes.toString("utf8", from, end) || null;
      else if (data === null) data = bytes.subarray(from, end);
      else {
        dataLines ??= [data];
        dataLines.push(newline, bytes.subarray(from, end));
      }
    }
    start = end + 1;
  }
  return { event, data: dataLines === null ? data : Buffer.concat(dataLines) };
}

function findOrEnd(bytes: Buffer, byte: number, from: number): number {
  const found = bytes.indexOf(byte, from);
  return found < 0 ? bytes.length : found;
}

/** Whether the line is the field `name`: the name, then a colon or the line's end. */
function isField(bytes: Buffer, start: number, end: number, name: "data" | "event"): boolean {
  const behind = start + name.length;
  if (behind > end || (behind < end && bytes[behind] !== colon)) return false;
  for (let index = 0; index < name.length; index++) {
    if (bytes[start + index] !== name.charCodeAt(index)) return false;
  }
  return true;
}
