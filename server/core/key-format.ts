import { crc32 } from "node:zlib";
import type { KeyType, PublicId } from "./api-key.ts";

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const base36 = "0123456789abcdefghijklmnopqrstuvwxyz";
const publicIdLength = 12;
const secretLength = 42;
const checksumLength = 6;
const tailLength = secretLength + checksumLength;

/** What each type's keys begin with. A prefix ends with `_` and is at most 32 characters of `[a-z0-9_-]`. */
export type KeyPrefixes = Readonly<Record<KeyType, string>>;

export const defaultKeyPrefixes: KeyPrefixes = { development: "dev_", production: "prod_", client: "client_" };

export interface ParsedKey {
  type: KeyType;
  publicId: PublicId;
}

/** Gives `count` fresh random bytes from the operating system. */
export type RandomBytes = (count: number) => Uint8Array;

/** Draws characters without bias: bytes at or above the largest multiple of the alphabet's size are thrown away. */
function makeRandomText(alphabet: string, length: number, randomBytes: RandomBytes): string {
  const limit = 256 - (256 % alphabet.length);
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length - text.length + 8)) {
      if (byte < limit && text.length < length) text += alphabet[byte % alphabet.length];
    }
  }
  return text;
}

/** CRC-32 of the text as exactly six base62 characters, so that there is one spelling only. */
export function makeChecksum(text: string): string {
  let value = crc32(text);
  let out = "";
  for (let i = 0; i < checksumLength; i++) {
    out = base62[value % 62] + out;
    value = Math.floor(value / 62);
  }
  return out;
}

/** Makes a new plaintext key. The caller shows it once and keeps only its digest. */
export function makeKeyText(
  type: KeyType,
  prefixes: KeyPrefixes,
  randomBytes: RandomBytes,
  publicId: PublicId = makeRandomText(base36, publicIdLength, randomBytes) as PublicId,
): { text: string; publicId: PublicId } {
  const body = `${prefixes[type]}${publicId}_${makeRandomText(base62, secretLength, randomBytes)}`;
  return { text: body + makeChecksum(body), publicId };
}

/** Ours have no capitals; those of imported keys, which get a secret of ours when they are rotated, may. */
const publicIdShape = /^[0-9A-Za-z]{12}$/;
const tailShape = /^[0-9A-Za-z]{48}$/;

/**
 * Takes a presented text apart and checks its checksum, without any store.
 *
 * @returns `null` for anything that this deployment cannot have issued.
 */
export function parseKeyText(text: string, prefixes: KeyPrefixes): ParsedKey | null {
  const tailStart = text.length - tailLength;
  const idStart = tailStart - 1 - publicIdLength;
  if (idStart < 1 || text[tailStart - 1] !== "_") return null;
  const publicId = text.slice(idStart, tailStart - 1);
  if (!publicIdShape.test(publicId) || !tailShape.test(text.slice(tailStart))) return null;
  const prefix = text.slice(0, idStart);
  const type = (Object.keys(prefixes) as KeyType[]).find((candidate) => prefixes[candidate] === prefix);
  if (type === undefined) return null;
  const bodyEnd = text.length - checksumLength;
  return makeChecksum(text.slice(0, bodyEnd)) === text.slice(bodyEnd) ? { type, publicId: publicId as PublicId } : null;
}

/** True for the shape of a public id: 12 characters of `[0-9A-Za-z]` (imported ids may hold capitals). */
export function isPublicId(text: string): text is PublicId {
  return /^[0-9A-Za-z]{12}$/.test(text);
}
