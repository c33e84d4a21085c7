import * as crypto from "node:crypto";
import type { IncomingMessage } from "node:http";
import { makeRefusal, type Refusal } from "../core/error.ts";
import { type KeyPrefixes, parseKeyText } from "../core/key-format.ts";
import type { Clock } from "../platform/clock.ts";
import { type CredentialSurface, parseCredential } from "./credential-header.ts";
import type { KeyCache } from "./key-cache.ts";
import type { KnownKey } from "./known-key.ts";

const invalid = makeRefusal("invalid_api_key");
const refusedState = {
  disabled: makeRefusal("disabled_api_key"),
  revoked: makeRefusal("revoked_api_key"),
  expired: makeRefusal("expired_api_key"),
};

export type Authentication = KnownKey | Refusal;
export type Authenticate = (
  request: IncomingMessage,
  surface: CredentialSurface,
) => Authentication | Promise<Authentication>;

export function isRefusal(value: KnownKey | Refusal): value is Refusal {
  return "code" in value;
}

/**
 * Makes the one function that turns a request into a key. It answers at once for a key in memory (one SHA-256 and one map
 * look-up); a text that this deployment cannot have issued is refused by its checksum, without any store.
 * State and expiry are judged anew for each request, by the database's clock.
 */
export function makeAuthenticate(deps: { cache: KeyCache; clock: Clock; prefixes: KeyPrefixes }): Authenticate {
  const { cache, clock, prefixes } = deps;
  const judge = (known: KnownKey | null): Authentication => {
    if (known === null) return invalid;
    if (known.key.state !== "active") return refusedState[known.key.state];
    return known.expiresAtMs <= clock.nowMs() ? refusedState.expired : known;
  };
  return (request, surface) => {
    const text = parseCredential(request, surface);
    if (typeof text !== "string") return text;
    const digest = crypto.hash("sha256", text);
    const held = cache.findHeld(digest);
    if (held !== undefined) return judge(held);
    if (parseKeyText(text, prefixes) === null) return invalid;
    return cache.load(text, digest).then((found) => (found !== null && "code" in found ? found : judge(found)));
  };
}
