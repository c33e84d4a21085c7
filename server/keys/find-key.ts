import * as crypto from "node:crypto";
import { makeRefusal, type Refusal } from "../core/error.ts";
import type { KeyPrefixes } from "../core/key-format.ts";
import type { Pepper } from "../platform/config.ts";
import type { ImportedFormats } from "./imported-formats.ts";
import type { KeyCache } from "./key-cache.ts";
import { listKeyLookups } from "./key-lookup.ts";
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
 * text that this deployment cannot have issued is told by its checksum, without any store. Where keys were imported by
 * hash, texts of their form are looked up too, as many at once and as often as others that are unknown, and no more.
 *
 * The text must be printable ASCII: of other text two could share their bytes in UTF-8, and so their digest.
 */
export function makeFindKey(deps: {
  cache: Pick<KeyCache, "findHeld" | "load">;
  prefixes: KeyPrefixes;
  peppers: readonly Pepper[];
  imported: Pick<ImportedFormats, "has">;
}): FindKey {
  const { cache, prefixes, peppers, imported } = deps;
  const hasImported = imported.has.bind(imported);
  return (text) => {
    const digest = crypto.hash("sha256", text);
    const held = cache.findHeld(digest);
    if (held !== undefined) return held;
    const lookups = listKeyLookups(text, prefixes, peppers, hasImported);
    return lookups.length === 0 ? null : cache.load(lookups, digest);
  };
}

/** Why a key that was found is not live at `nowMs` (database time); `null` where it is. */
export function findStateRefusal(known: KnownKey, nowMs: number): Refusal | null {
  if (known.key.state !== "active") return refusedState[known.key.state];
  return known.expiresAtMs <= nowMs ? refusedState.expired : null;
}
