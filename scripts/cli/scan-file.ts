import { createReadStream } from "node:fs";
import { keyTextLengthMax, listKeysInText } from "../../server/core/key-scan.ts";

/** Where a key stands in a file; line and column count from 1. */
export interface ScanFinding {
  file: string;
  line: number;
  column: number;
  public_id: string;
  prefix: string;
}

const sniffedBytes = 8_192;

/**
 * Looks for keys in a file, a piece at a time, however large it is.
 *
 * @param options `binary`: also in what looks like no text, by a NUL near its beginning.
 * @returns `null` where the file was left out for that.
 */
export async function listKeysInFile(file: string, options: { binary: boolean }): Promise<ScanFinding[] | null> {
  const found: ScanFinding[] = [];
  let text = "";
  let linesBefore = 0;
  let columnsBefore = 0;
  let foundUpTo = 0;
  const take = (isLast: boolean): void => {
    for (const key of listKeysInText(text)) {
      // What ends with the piece may go on in the next one; what was found in this overlap is no second find.
      if (key.start < foundUpTo || (key.end === text.length && !isLast)) continue;
      const before = text.slice(0, key.start);
      const lineStart = before.lastIndexOf("\n");
      found.push({
        file,
        line: 1 + linesBefore + countLines(before),
        column: lineStart === -1 ? 1 + columnsBefore + before.length : before.length - lineStart,
        public_id: key.publicId,
        prefix: key.prefix,
      });
      foundUpTo = key.end;
    }
    const dropped = text.slice(0, Math.max(0, text.length - keyTextLengthMax));
    const lineStart = dropped.lastIndexOf("\n");
    linesBefore += countLines(dropped);
    columnsBefore = lineStart === -1 ? columnsBefore + dropped.length : dropped.length - lineStart - 1;
    foundUpTo = Math.max(0, foundUpTo - dropped.length);
    text = text.slice(dropped.length);
  };
  let isFirst = true;
  for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) {
    if (isFirst && !options.binary && chunk.subarray(0, sniffedBytes).includes(0)) return null;
    isFirst = false;
    // A key is ASCII; of anything else only the bytes count.
    text += chunk.toString("latin1");
    take(false);
  }
  take(true);
  return found;
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) count++;
  return count;
}
