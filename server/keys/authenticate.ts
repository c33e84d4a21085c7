import type { IncomingMessage } from "node:http";
import { makeRefusal, type Refusal } from "../core/error.ts";
import type { Clock } from "../platform/clock.ts";
import { type CredentialSurface, parseCredential } from "./credential-header.ts";
import { type FindKey, findStateRefusal } from "./find-key.ts";
import type { KnownKey } from "./known-key.ts";

const invalid = makeRefusal("invalid_api_key");

/** A refusal; `known` where the whole secret of a key was presented that is not live. For us: no answer tells of it. */
export interface KeyRefusal extends Refusal {
  known?: KnownKey;
}

export type Authentication = KnownKey | KeyRefusal;
export type Authenticate = (
  request: IncomingMessage,
  surface: CredentialSurface,
) => Authentication | Promise<Authentication>;

export function isRefusal<T extends Refusal>(value: KnownKey | T): value is T {
  return "code" in value;
}

/**
 * Makes the one function that turns a request into a key, at once for a key in memory. State and expiry are judged anew
 * for each request, by the database's clock.
 */
export function makeAuthenticate(deps: { findKey: FindKey; clock: Clock }): Authenticate {
  const { findKey, clock } = deps;
  const judge = (known: KnownKey | null | Refusal): Authentication => {
    if (known === null) return invalid;
    if (isRefusal(known)) return known;
    const refusal = findStateRefusal(known, clock.nowMs());
    return refusal === null ? known : { ...refusal, known };
  };
  return (request, surface) => {
    const text = parseCredential(request, surface);
    if (typeof text !== "string") return text;
    const found = findKey(text);
    return found instanceof Promise ? found.then(judge) : judge(found);
  };
}
