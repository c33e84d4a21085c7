import { createHmac } from "node:crypto";
import type { RandomBytes } from "./key-format.ts";
import { Secret } from "./secret.ts";

const prefix = "whsec_";
const secretBytes = 32;

/** Makes the secret that a receiver checks signatures with: `whsec_` and 32 random bytes in base64. */
export function makeWebhookSecret(randomBytes: RandomBytes): Secret {
  return new Secret(prefix + Buffer.from(randomBytes(secretBytes)).toString("base64"));
}

/** What is signed and sent. */
export interface SignedMessage {
  /** The same at each try, so that a receiver can tell a repetition. */
  id: string;
  /** Seconds since 1970. */
  timestamp: number;
  body: string;
}

/**
 * The headers of a signed message. With two secrets, while one replaces the other, there are two signatures, and a receiver
 * that knows either is content.
 *
 * @param secrets made by {@link makeWebhookSecret}, the newest first.
 *
 * Source: Standard Webhooks, https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function makeSignatureHeaders(message: SignedMessage, secrets: readonly Secret[]): Record<string, string> {
  const { id, timestamp, body } = message;
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.reveal().slice(prefix.length), "base64");
    return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
  });
  return { "webhook-id": id, "webhook-timestamp": String(timestamp), "webhook-signature": signatures.join(" ") };
}
