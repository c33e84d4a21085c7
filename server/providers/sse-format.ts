const lineEnd = /\r\n|\r|\n/;
const lineEnds = /[\r\n]+/g;
/** What some clients take for a line end though the format does not; inside JSON text each can be an escape. */
const doubtfulLineEnds = /[\u0085\u2028\u2029]/g;

/**
 * Writes one server-sent event that a parser reads as exactly one, whatever the texts hold.
 *
 * Each line of `data` (ended by LF, CR or CRLF) becomes a `data` field, so that a reader gets the same lines joined with
 * LF. Line ends in `event`, where nothing can stand for them, become a space. Lone surrogates become U+FFFD.
 * Source: WHATWG HTML, section 9.2.6.
 *
 * @param event the event's name; `null` or empty for none.
 */
export function formatSseEvent(event: string | null, data: string): Buffer {
  const head = event === null || event === "" ? "" : `event: ${event.replace(lineEnds, " ")}\n`;
  const lines = data.includes("\n") || data.includes("\r") ? data.split(lineEnd).join("\ndata: ") : data;
  return Buffer.from(`${head}data: ${lines}\n\n`);
}

/**
 * Writes an error as the last event of an OpenAI-shaped stream: unnamed, with the same JSON that an error answer has
 * (`{"error": {…}}`), on one line; U+0085, U+2028 and U+2029 are escaped.
 */
export function formatSseError(payload: object): Buffer {
  const json = JSON.stringify(payload).replace(
    doubtfulLineEnds,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return formatSseEvent(null, json);
}
