import { Secret } from "./secret.ts";

/** One place that a provider's credential may come from when a call is made. */
export type CredentialSource =
  /** Read at the start. `null`: no credential is sent, or the provider's own library finds it (`sdk`). */
  | { kind: "static"; secret: Secret | null }
  /** Sent by the client with the request, under this name. */
  | { kind: "dynamic"; name: string }
  /** Stored encrypted in the database, under this name; may change at any time. */
  | { kind: "vault"; name: string };

/** What a credential is: a token for one header, the JSON text of a Google service account, or one of the keys of AWS. */
export type CredentialKind = "token" | "service_account" | "aws";

/** Longest credential, in characters. A service account's file has about 2,400. */
export const credentialLengthMax = 16_384;

const headerSafe = /^[\x21-\x7e]+$/;

/**
 * Says why a text cannot be a credential of the kind, as the end of a sentence, or `null` where it can. The answer holds
 * nothing of the text.
 */
export function findCredentialFault(text: string, kind: CredentialKind): string | null {
  if (text === "") return "is empty";
  if (text.length > credentialLengthMax) return `is longer than ${credentialLengthMax} characters`;
  if (kind !== "service_account") {
    return headerSafe.test(text) ? null : "holds a space, line end or other character that no header can carry";
  }
  return parseServiceAccount(text) === null
    ? "holds no service account's JSON with client_email and private_key"
    : null;
}

/** What of a service account's file signs for it. */
const accountFields = ["type", "project_id", "private_key_id", "private_key", "client_email", "client_id"] as const;

/**
 * Reads the JSON of a Google service account; `null` where it is none. Of an account that is not the operator's own word
 * nothing else may be used: the file can also name hosts, which the token would be asked from or sent to.
 *
 * @returns only the fields that sign.
 */
export function parseServiceAccount(text: string): Readonly<Record<string, string>> | null {
  try {
    const json = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    if (typeof json?.client_email !== "string" || typeof json.private_key !== "string") return null;
    if (json.type !== undefined && json.type !== "service_account") return null;
    return Object.fromEntries(
      accountFields.flatMap((name) => {
        const value = json[name];
        return typeof value === "string" ? [[name, value]] : [];
      }),
    );
  } catch {
    // The engine's message would repeat a piece of the text.
    return null;
  }
}

/** The keys of an AWS account. */
export interface AwsKeys {
  accessKeyId: Secret;
  secretAccessKey: Secret;
  /** `null`: the keys are not temporary. */
  sessionToken: Secret | null;
}

/** Reads AWS keys that are stored as one text: JSON with `access_key_id`, `secret_access_key` and perhaps `session_token`. */
export function parseAwsKeys(text: string): AwsKeys | null {
  try {
    const json = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    const { access_key_id: id, secret_access_key: secret, session_token: token } = json ?? {};
    if (typeof id !== "string" || typeof secret !== "string" || !headerSafe.test(id)) return null;
    const sessionToken = typeof token === "string" ? new Secret(token) : null;
    return { accessKeyId: new Secret(id), secretAccessKey: new Secret(secret), sessionToken };
  } catch {
    return null;
  }
}

/** Names of stored credentials: lower case, so that no two look alike. */
export const vaultName = /^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/;

/** Names under which a client sends credentials: what TensorZero's configurations use, and no more. */
export const dynamicName = /^[A-Za-z_][A-Za-z0-9_.-]{0,127}$/;
