import type { PublicId } from "./api-key.ts";
import { makeChecksum } from "./key-format.ts";

/** A key of this product in a text, whatever the deployment that it belongs to. */
export interface FoundKeyText {
  /** Where it begins and where it ends in the text. */
  start: number;
  end: number;
  prefix: string;
  publicId: PublicId;
}

/** Longer than any key, by the character behind it. */
export const keyTextLengthMax = 128;

const prefixLengthMax = 32;
const tail = /_[0-9A-Za-z]{48}(?![0-9A-Za-z])/g;
const identity = /_([0-9A-Za-z]{12})$/;
const prefixEnd = /(?<![a-z0-9_-])[a-z0-9_-]*_$/;

/**
 * Finds keys by their form and their checksum, which covers the prefix: no config is needed to tell a key from a random
 * text. Of random texts of the form, about one in 10^8 passes.
 */
export function listKeysInText(text: string): FoundKeyText[] {
  const found: FoundKeyText[] = [];
  for (const match of text.matchAll(tail)) {
    const end = match.index + match[0].length;
    const head = text.slice(Math.max(0, match.index - 13 - prefixLengthMax), match.index);
    const publicId = identity.exec(head)?.[1];
    if (publicId === undefined) continue;
    const prefixes = prefixEnd.exec(head.slice(0, -12))?.[0].slice(-prefixLengthMax) ?? "";
    // The longest first: `my_prod_` has a checksum of its own, which `prod_` has not.
    for (let at = 0; at < prefixes.length; at++) {
      const prefix = prefixes.slice(at);
      const body = `${prefix}${publicId}${match[0].slice(0, -6)}`;
      if (makeChecksum(body) !== match[0].slice(-6)) continue;
      found.push({ start: end - body.length - 6, end, prefix, publicId: publicId as PublicId });
      break;
    }
  }
  return found;
}
