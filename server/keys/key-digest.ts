import { createHmac } from "node:crypto";
import type { Pepper } from "../platform/config.ts";

/**
 * What is stored of a key: HMAC-SHA-256 of its whole text under a pepper that is held outside the database, 32 bytes.
 * Keys have 250 bits of randomness, so a slow hash would cost every request and add nothing.
 */
export function makeKeyDigest(text: string, pepper: Pepper): Buffer {
  return createHmac("sha256", pepper.value.reveal()).update(text).digest();
}
