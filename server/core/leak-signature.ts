import { createHmac, timingSafeEqual } from "node:crypto";
import type { Secret } from "./secret.ts";

/** How far the time of a report may be from ours. */
const windowMs = 5 * 60_000;
const shape = /^t=(\d{1,12}),v1=([0-9a-f]{64})$/;

/** What a report of leaked keys is signed with: `t=SECONDS,v1=HMAC` over `SECONDS.BODY`. */
export interface LeakSignature {
  /** Seconds since 1970, as they were sent. */
  time: string;
  /** 32 bytes. */
  hmac: Uint8Array;
}

/**
 * Reads the header `x-tollgate-signature`.
 *
 * @param nowMs milliseconds since 1970.
 * @returns `null` where it has another form, or lies more than five minutes from now.
 */
export function parseLeakSignature(header: string, nowMs: number): LeakSignature | null {
  const match = shape.exec(header);
  if (match === null) return null;
  const [, time = "", hex = ""] = match;
  if (Math.abs(Number(time) * 1_000 - nowMs) > windowMs) return null;
  return { time, hmac: Buffer.from(hex, "hex") };
}

/** True where the signature is that of the body under the secret; compared in constant time. */
export function isSignedBy(signature: LeakSignature, body: Uint8Array, secret: Secret): boolean {
  const expected = createHmac("sha256", secret.reveal()).update(`${signature.time}.`).update(body).digest();
  return expected.length === signature.hmac.length && timingSafeEqual(expected, signature.hmac);
}
