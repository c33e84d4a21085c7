import * as crypto from "node:crypto";
import { makeRefusal, type Refusal } from "../core/error.ts";
import { type KeyPrefixes, parseKeyText } from "../core/key-format.ts";
import type { KeyCache } from "./key-cache.ts";
import type { KnownKey } from "./known-key.ts";

const refusedState = {
  disabled: makeRefusal("disabled_api_key"),
  revoked: makeRefusal("revoked_api_key"),
  expired: makeRefusal("expired_api_key"),
};

/**
 * The key of a presented text, whatever its state: `null` where there is none, a refusal (503) where it cannot be known
 * now. Nobody without the whole secret gets anything but `null`.
 */
export type FindKey = (text: string) => KnownKey | null | Refusal | Promise<KnownKey | null | Refusal>;

/**
 * Makes the one way from a text to its key. It answers at once for a key in memory (one SHA-256 and one map look-up); a
 * text that this deployment cannot have issued is told by its checksum, without any store.
 *
 * The text must be printable ASCII: of other text two could share their bytes in UTF-8, and so their digest.
 */
export function makeFindKey(deps: { cache: Pick<KeyCache, "findHeld" | "load">; prefixes: KeyPrefixes }): FindKey {
  const { cache, prefixes } = deps;
  return (text) => {
    const digest = crypto.hash("sha256", text);
    const held = cache.findHeld(digest);
    if (held !== undefined) return held;
    return parseKeyText(text, prefixes) === null ? null : cache.load(text, digest);
  };
}

/** Why a key that was found is not live at `nowMs` (database time); `null` where it is. */
export function findStateRefusal(known: KnownKey, nowMs: number): Refusal | null {
  if (known.key.state !== "active") return refusedState[known.key.state];
  return known.expiresAtMs <= nowMs ? refusedState.expired : null;
}
