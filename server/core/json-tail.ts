import { findStringEnd } from "./json-spans.ts";

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const openBracket = 0x5b;
const openBrace = 0x7b;
const closeBrace = 0x7d;

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at++;
  return at;
}

/** The offset behind an object's closing brace; -1 where it is not closed. */
function findObjectEnd(bytes: Buffer, open: number): number {
  let depth = 0;
  for (let at = open; at < bytes.length; ) {
    const byte = bytes[at];
    if (byte === quote) {
      at = findStringEnd(bytes, at);
      if (at < 0) return -1;
      continue;
    }
    at++;
    if (byte === openBrace) depth++;
    else if (byte === closeBrace && --depth === 0) return at;
  }
  return -1;
}

/** Whether only fields without a nested value stand between here and the brace that ends the whole text. */
function isTail(bytes: Buffer, from: number): boolean {
  for (let at = from; at < bytes.length; ) {
    const byte = bytes[at];
    if (byte === quote) {
      at = findStringEnd(bytes, at);
      if (at < 0) return false;
      continue;
    }
    at++;
    if (byte === openBrace || byte === openBracket) return false;
    if (byte === closeBrace) return skipSpace(bytes, at) === bytes.length;
  }
  return false;
}

/**
 * Finds an object among the last top-level fields of a JSON object from its end, without reading what stands before: where
 * the brace that closes the object around the field is the last of the text, that object is the whole.
 *
 * @param bytes JSON; of other text it may find something.
 * @param quotedName the field's name in its quotes.
 * @returns where the value begins and ends, or `null` where that cannot be told from the end: look from the beginning then.
 */
export function findTailObject(bytes: Buffer, quotedName: string): { start: number; end: number } | null {
  const name = bytes.lastIndexOf(quotedName, undefined, "latin1");
  if (name < 1 || bytes[name - 1] === backslash) return null;
  const at = skipSpace(bytes, name + quotedName.length);
  if (bytes[at] !== colon) return null;
  const start = skipSpace(bytes, at + 1);
  if (bytes[start] !== openBrace) return null;
  const end = findObjectEnd(bytes, start);
  return end > 0 && isTail(bytes, end) ? { start, end } : null;
}
