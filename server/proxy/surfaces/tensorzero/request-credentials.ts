import type { Refusal } from "../../../core/error.ts";
import { Secret } from "../../../core/secret.ts";
import { makeInvalid } from "../../json-body.ts";
import { isAbsent, isJson } from "../json-value.ts";

const credentialsMax = 32;
const credentialLengthMax = 65_536;

/**
 * The credentials that a client brings for `dynamic::NAME`. No text of them stands in a refusal.
 *
 * @returns `secrets` is `null` where it brings none.
 */
export function parseCredentials(
  value: unknown,
  field: string,
): { secrets: Readonly<Record<string, Secret>> | null } | Refusal {
  if (isAbsent(value)) return { secrets: null };
  const entries = isJson(value) ? Object.entries(value) : null;
  if (
    entries === null ||
    entries.length > credentialsMax ||
    !entries.every(([, text]) => typeof text === "string" && text.length > 0 && text.length <= credentialLengthMax)
  ) {
    return makeInvalid(`\`${field}\` must be an object of at most ${credentialsMax} texts, none of them empty.`, field);
  }
  const credentials: Record<string, Secret> = Object.create(null);
  for (const [name, text] of entries) credentials[name] = new Secret(text as string);
  return { secrets: credentials };
}
