import { providerTypes } from "../core/provider-type.ts";
import type { Clock } from "../platform/clock.ts";
import { type AwsKeys, openAwsCredentials } from "./aws-credentials.ts";
import { openGoogleTokens } from "./google-tokens.ts";
import type { ProviderTarget } from "./types.ts";
import { type Authorize, ExchangeError } from "./upstream-exchange.ts";

export interface Authorizer {
  /** @throws ExchangeError (`connect`: nothing was sent) where no credential can be had in time. */
  authorize: Authorize;
}

export interface AuthorizerOptions {
  clock: Clock;
  /** How Google's token endpoint is asked; `fetch` unless given. */
  fetch?: typeof globalThis.fetch;
}

/**
 * Opens what puts credentials on calls that are no plain bearer calls: a key in a header of the provider's own, Google's
 * access tokens, AWS's signatures. What is asked for over the network is kept and renewed before it ends.
 */
export function openAuthorizer({ clock, fetch }: AuthorizerOptions): Authorizer {
  const aws = openAwsCredentials();
  const google = openGoogleTokens({ clock, fetch: fetch ?? globalThis.fetch });

  return {
    async authorize(target, path, headers, body) {
      const { credential, timeouts } = target;
      switch (providerTypes[target.type].credentialKind) {
        case "service_account": {
          const token = await within(google.find(credential), timeouts.connectMs, "Google gave no access token");
          headers.set("authorization", `Bearer ${token}`);
          return;
        }
        case "aws": {
          // A key of Bedrock's own, which needs no signature.
          if (credential !== null) {
            headers.set("authorization", `Bearer ${credential.reveal()}`);
            return;
          }
          const keys = await within(aws.find(target.aws), timeouts.connectMs, "no AWS credentials");
          await signAws(target, path, headers, body, keys);
          return;
        }
        default:
          if (credential === null) return;
          if (target.type === "anthropic") headers.set("x-api-key", credential.reveal());
          else headers.set("x-goog-api-key", credential.reveal());
      }
    },
  };
}

/** Signature Version 4, over the headers of AWS, the host and the type of the body. */
async function signAws(
  target: ProviderTarget,
  path: string,
  headers: Headers,
  body: Buffer,
  keys: AwsKeys,
): Promise<void> {
  const { AwsV4Signer } = await import("aws4fetch");
  const signer = new AwsV4Signer({
    method: "POST",
    url: `${target.origin}${path}`,
    headers: [["content-type", headers.get("content-type") ?? "application/json"]],
    body: new Uint8Array(body),
    service: "bedrock",
    region: target.aws?.region ?? "",
    ...keys,
  });
  const signed = await signer.sign();
  for (const [name, value] of signed.headers) headers.set(name, value);
  headers.delete("host");
}

async function within<T>(promise: Promise<T>, afterMs: number, otherwise: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error("no answer in time")), afterMs);
      }),
    ]);
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : "";
    throw new ExchangeError({ kind: "connect", message: `${otherwise}: ${reason}` });
  } finally {
    clearTimeout(timer);
  }
}
