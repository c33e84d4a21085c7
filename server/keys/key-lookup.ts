import type { ApiKey, ImportFormat } from "../core/api-key.ts";
import { type KeyPrefixes, parseKeyText } from "../core/key-format.ts";
import { parseTensorzeroKey } from "../core/tensorzero-key.ts";
import type { Pepper } from "../platform/config.ts";
import { makeKeyDigest, makePlainDigest } from "./key-digest.ts";

/** One digest under which a presented text may be stored. */
export interface KeyLookup {
  /** Lower-case hex. */
  digest: string;
  /** Whether a key that was found under the digest is the one that the text names. */
  accepts(key: Pick<ApiKey, "publicId" | "importedFrom">): boolean;
}

/**
 * Under which digests a text may be stored. Empty for a text that nobody can have been given: it has neither our checksum
 * nor a form of which any key was imported.
 *
 * @param hasImported whether any key of a format was imported.
 */
export function listKeyLookups(
  text: string,
  prefixes: KeyPrefixes,
  peppers: readonly Pepper[],
  hasImported: (format: ImportFormat) => boolean,
): KeyLookup[] {
  if (parseKeyText(text, prefixes) !== null) {
    // While peppers are being rotated there are two.
    return peppers.map((pepper) => ({ digest: makeKeyDigest(text, pepper).toString("hex"), accepts: () => true }));
  }
  const lookups: KeyLookup[] = [];
  const foreign = hasImported("tensorzero") ? parseTensorzeroKey(text) : null;
  if (foreign !== null) {
    lookups.push({
      digest: makePlainDigest(foreign.secret).toString("hex"),
      accepts: (key) => key.importedFrom === "tensorzero" && key.publicId === foreign.publicId,
    });
  }
  if (hasImported("opaque")) {
    lookups.push({
      digest: makePlainDigest(text).toString("hex"),
      accepts: (key) => key.importedFrom === "opaque",
    });
  }
  return lookups;
}
