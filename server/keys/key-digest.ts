import { createHash, createHmac } from "node:crypto";
import type { Pepper } from "../platform/config.ts";

/**
 * What is stored of a key: HMAC-SHA-256 of its whole text under a pepper that is held outside the database, 32 bytes.
 * Keys have 250 bits of randomness, so a slow hash would cost every request and add nothing.
 */
export function makeKeyDigest(text: string, pepper: Pepper): Buffer {
  return createHmac("sha256", pepper.value.reveal()).update(text).digest();
}

/** What is stored of a key that was imported by hash, and of an idempotency key: SHA-256, 32 bytes. */
export function makePlainDigest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
