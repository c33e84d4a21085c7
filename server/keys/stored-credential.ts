import type { SealedCredential } from "../../db/queries/provider-credentials.ts";
import type { Secret } from "../core/secret.ts";
import type { VersionedSecret } from "../platform/config.ts";
import { makeSealed, openSealed, SealError, type SealPlace } from "../platform/seal.ts";

/** The version is part of the place: what a row held before does not open in it any more. */
function makePlace(name: string, version: number): SealPlace {
  return { table: "provider_credential", id: `${name}#${version}`, field: "sealed" };
}

/** Seals a credential with the newest key, for its own row and version. */
export function makeSealedCredential(
  sealKeys: readonly VersionedSecret[],
  name: string,
  version: number,
  secret: Secret,
): SealedCredential {
  const [newest] = sealKeys;
  if (newest === undefined) throw new Error("a config has at least one seal key");
  const sealed = makeSealed(newest.value, makePlace(name, version), secret);
  return { name, sealed, keyVersion: newest.version, version };
}

/**
 * Opens what {@link makeSealedCredential} sealed.
 *
 * @throws SealError where it was changed, moved, or sealed with a key that this deployment has not.
 */
export function openSealedCredential(sealKeys: readonly VersionedSecret[], stored: SealedCredential): Secret {
  const { name, sealed, keyVersion, version } = stored;
  const key = sealKeys.find((candidate) => candidate.version === keyVersion);
  if (key === undefined) {
    throw new SealError(
      `the credential ${name} is sealed with seal key version ${keyVersion}, which is not configured`,
    );
  }
  return openSealed(key.value, makePlace(name, version), sealed);
}
