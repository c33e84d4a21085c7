import type { AwsAccess } from "./types.ts";

export interface AwsKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

export interface AwsCredentials {
  /** The keys that a target names; where it names none, those of the AWS SDK's chain. Rejects where there are none. */
  find(access: AwsAccess | null): Promise<AwsKeys>;
}

/**
 * Opens the AWS SDK's chain of credentials (environment, profiles, single sign-on, web identity, containers, instances). It
 * is loaded with the first call that needs it; it keeps what it found, and renews it five minutes before it ends.
 */
export function openAwsCredentials(): AwsCredentials {
  let chain: Promise<() => Promise<AwsKeys>> | null = null;
  return {
    async find(access) {
      const { accessKeyId, secretAccessKey, sessionToken } = access ?? {};
      if (accessKeyId && secretAccessKey) {
        return {
          accessKeyId: accessKeyId.reveal(),
          secretAccessKey: secretAccessKey.reveal(),
          ...(sessionToken ? { sessionToken: sessionToken.reveal() } : {}),
        };
      }
      chain ??= openChain();
      const found = await (await chain)();
      return {
        accessKeyId: found.accessKeyId,
        secretAccessKey: found.secretAccessKey,
        ...(found.sessionToken === undefined ? {} : { sessionToken: found.sessionToken }),
      };
    },
  };
}

async function openChain(): Promise<() => Promise<AwsKeys>> {
  const { defaultProvider } = await import("@aws-sdk/credential-provider-node");
  return defaultProvider();
}
