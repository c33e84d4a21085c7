import type { CredentialSource } from "../../core/credential-source.ts";
import type { Config, ProviderConfig } from "../../platform/config.ts";
import { formatConfigPath } from "../../platform/config-error.ts";

/** A provider of the config file. */
export interface ConfiguredProvider {
  /** `""`: what answers the shorthands of its type. */
  model: string;
  provider: ProviderConfig;
  /** Where it stands in the config file. */
  path: string;
}

/** Every provider that the config file names or implies, in its order. */
export function listConfiguredProviders(config: Pick<Config, "models" | "shorthands">): ConfiguredProvider[] {
  const found: ConfiguredProvider[] = [];
  for (const [model, { providers }] of config.models) {
    for (const provider of providers) {
      found.push({ model, provider, path: formatConfigPath(["models", model, "providers", provider.name]) });
    }
  }
  for (const [type, provider] of config.shorthands) {
    found.push({ model: "", provider, path: formatConfigPath(["provider_types", type, "defaults"]) });
  }
  return found;
}

/** Whether a provider takes the stored credential, in any of its places. */
export function isUsing({ lateCredential, awsKeys }: ProviderConfig, name: string): boolean {
  const lists: readonly (readonly CredentialSource[] | null | undefined)[] = [
    lateCredential,
    awsKeys?.accessKeyId,
    awsKeys?.secretAccessKey,
    awsKeys?.sessionToken,
  ];
  return lists.some((sources) => sources?.some((source) => source.kind === "vault" && source.name === name));
}
