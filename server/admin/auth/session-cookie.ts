import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import type { Secret } from "../../core/secret.ts";

/** What the names of all our cookies begin with. `__Host-` makes browsers refuse the cookie from anywhere but this host. */
export function getCookiePrefix(isSecure: boolean): string {
  return isSecure ? "__Host-tollgate" : "tollgate";
}

/** better-auth's own name behind the prefix. */
export function getSessionCookieName(isSecure: boolean): string {
  return `${getCookiePrefix(isSecure)}.session_token`;
}

/** The key that signs cookies, and nothing else; text, because better-auth wants one. */
export function makeSessionKey(sessionSecret: Secret): string {
  return Buffer.from(hkdfSync("sha256", sessionSecret.reveal(), "", "tollgate session cookies", 32)).toString("hex");
}

/** The value of a cookie in a `Cookie` header, the first of its name; `null` where there is none. */
export function parseCookie(header: string | undefined, name: string): string | null {
  for (const part of header?.split(";") ?? []) {
    const at = part.indexOf("=");
    if (at !== -1 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return null;
}

/**
 * Reads the token of a session cookie, which better-auth writes as `TOKEN.BASE64(HMAC-SHA-256)`, URL-encoded.
 *
 * @returns `null` where the signature is not ours.
 */
export function parseSessionToken(value: string, key: string): string | null {
  let text: string;
  try {
    text = decodeURIComponent(value);
  } catch {
    return null;
  }
  const at = text.lastIndexOf(".");
  if (at < 1 || text.length > 512) return null;
  const token = text.slice(0, at);
  const given = Buffer.from(text.slice(at + 1), "base64");
  const right = createHmac("sha256", key).update(token).digest();
  return given.length === right.length && timingSafeEqual(given, right) ? token : null;
}
