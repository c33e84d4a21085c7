import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { Secret } from "../core/secret.ts";

/** The one field of one row that a sealed text belongs to. Moved anywhere else, it does not open. */
export interface SealPlace {
  table: string;
  id: string;
  field: string;
}

/** The text was sealed under another key, for another place, or is not what was sealed. */
export class SealError extends Error {
  override readonly name = "SealError";
}

const cipher = "aes-256-gcm";
const version = 1;
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Encrypts a text for one field of one row: AES-256-GCM under a key that is derived from the deployment's seal key for this
 * purpose alone, with the place as associated data. Two calls never give the same bytes.
 *
 * @returns a version byte, 12 bytes of nonce, 16 bytes of tag, the ciphertext.
 *
 * Source: NIST SP 800-38D (GCM); RFC 5869 (HKDF).
 */
export function makeSealed(sealKey: Secret, place: SealPlace, text: Secret): Buffer {
  const nonce = randomBytes(nonceBytes);
  const encryption = createCipheriv(cipher, makeKey(sealKey), nonce, { authTagLength: tagBytes });
  encryption.setAAD(makePlaceText(place));
  const sealed = Buffer.concat([encryption.update(text.reveal(), "utf8"), encryption.final()]);
  return Buffer.concat([Buffer.of(version), nonce, encryption.getAuthTag(), sealed]);
}

/**
 * Decrypts what {@link makeSealed} made for the same place.
 *
 * @throws SealError; its message holds nothing of the text.
 */
export function openSealed(sealKey: Secret, place: SealPlace, sealed: Buffer): Secret {
  const { table, id, field } = place;
  if (sealed.length < 1 + nonceBytes + tagBytes || sealed[0] !== version) {
    throw new SealError(`${table}.${field} of ${id} was not sealed by this release`);
  }
  const nonce = sealed.subarray(1, 1 + nonceBytes);
  const decryption = createDecipheriv(cipher, makeKey(sealKey), nonce, { authTagLength: tagBytes });
  decryption.setAAD(makePlaceText(place));
  decryption.setAuthTag(sealed.subarray(1 + nonceBytes, 1 + nonceBytes + tagBytes));
  try {
    const text = Buffer.concat([decryption.update(sealed.subarray(1 + nonceBytes + tagBytes)), decryption.final()]);
    return new Secret(text.toString("utf8"));
  } catch (error) {
    throw new SealError(`${table}.${field} of ${id} cannot be opened with this deployment's seal key`, {
      cause: error,
    });
  }
}

/**
 * The same with any of the keys, for what does not say which one it was sealed with.
 *
 * @throws SealError of the last.
 */
export function openSealedWithAny(sealKeys: readonly Secret[], place: SealPlace, sealed: Buffer): Secret {
  let fault: unknown = new SealError("there is no seal key");
  for (const sealKey of sealKeys) {
    try {
      return openSealed(sealKey, place, sealed);
    } catch (error) {
      fault = error;
    }
  }
  throw fault;
}

/** No other use of the seal key says anything about it. */
function makeKey(sealKey: Secret): Buffer {
  return Buffer.from(hkdfSync("sha256", sealKey.reveal(), "", "tollgate sealed fields", 32));
}

/** JSON of a list: no two places give the same bytes. */
function makePlaceText({ table, id, field }: SealPlace): Buffer {
  return Buffer.from(JSON.stringify([version, table, id, field]));
}
