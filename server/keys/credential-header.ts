import type { IncomingMessage } from "node:http";
import { makeRefusal, type Refusal } from "../core/error.ts";

/** Longer than any key that could be ours or imported; keeps the hash of a hostile header cheap. */
const credentialLengthMax = 512;
const missing = makeRefusal("missing_api_key");
const conflicting = makeRefusal("conflicting_credentials");
const invalid = makeRefusal("invalid_api_key");

/** Which headers may carry the credential. `x-api-key` counts only on Anthropic's surface. */
export type CredentialSurface = "bearer" | "bearer_or_x_api_key";

/**
 * The one credential of a request, from its headers alone: a key in a query string, cookie or body never authenticates.
 *
 * @returns the presented text, or a refusal: none (401), two different ones (400), or nothing that could be a key (401).
 */
export function parseCredential(request: IncomingMessage, surface: CredentialSurface): string | Refusal {
  // Node keeps only the first of several Authorization headers, so the raw list is read.
  const raw = request.rawHeaders;
  let bearer: string | null = null;
  let apiKey: string | null = null;
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] as string;
    if (name.length === 13 && name.toLowerCase() === "authorization") {
      const value = raw[index + 1] as string;
      if (bearer !== null && bearer !== value) return conflicting;
      bearer = value;
    } else if (name.length === 9 && name.toLowerCase() === "x-api-key") {
      const value = raw[index + 1] as string;
      if (apiKey !== null && apiKey !== value) return conflicting;
      apiKey = value;
    }
  }
  if (bearer === null) {
    if (surface === "bearer" || apiKey === null) return missing;
    return isCredentialText(apiKey) ? apiKey : invalid;
  }
  const space = bearer.indexOf(" ");
  if (space !== 6 || bearer.slice(0, 6).toLowerCase() !== "bearer") return invalid;
  const text = bearer.slice(7);
  if (apiKey !== null && apiKey !== text) return conflicting;
  return isCredentialText(text) ? text : invalid;
}

/** True for a text that could be a key of ours or an imported one. */
export function isCredentialText(text: string): boolean {
  return text.length > 0 && text.length <= credentialLengthMax && /^[\x21-\x7e]+$/.test(text);
}
