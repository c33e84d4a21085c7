import type { CredentialSource } from "../core/credential-source.ts";
import type { PriceBook } from "../core/price-book.ts";
import { providerTypes } from "../core/provider-type.ts";
import type { Secret } from "../core/secret.ts";
import type { ProviderConfig } from "../platform/config.ts";
import { findContextTokens } from "./context-window.ts";
import type { ProviderHealth } from "./provider-health.ts";
import { makeTargetAddress } from "./target-address.ts";
import type { AwsAccess, LateCredentials, ProviderTarget } from "./types.ts";

/** What of a target is not its provider's. */
export interface TargetPlace {
  upstreamModel: string;
  modelName: string;
  outputTokensMax: number | null;
  /** `null`: its model has no weights. */
  weight: number | null;
  health: ProviderHealth;
  prices: PriceBook;
}

/** Makes the target of one provider for one model. */
export function makeTarget(provider: ProviderConfig, place: TargetPlace): ProviderTarget {
  const { upstreamModel, modelName, outputTokensMax, weight, health, prices } = place;
  const { catalogueId } = providerTypes[provider.type];
  return {
    providerName: provider.name,
    type: provider.type,
    upstreamModel,
    ...makeTargetAddress(provider, upstreamModel),
    credential: provider.credential,
    late: findLate(provider),
    aws: makeAwsAccess(provider),
    vertex: provider.options.vertex,
    price: prices.find(catalogueId, upstreamModel, modelName),
    contextTokensMax: findContextTokens(catalogueId, upstreamModel),
    outputTokensMax,
    timeouts: provider.timeouts,
    retriesMax: provider.retriesMax,
    weight,
    echo: provider.type === "echo" ? provider.echo : null,
    isOwnAccount: false,
    health,
  };
}

function isStatic(sources: readonly CredentialSource[] | null): boolean {
  return sources === null || (sources.length === 1 && sources[0]?.kind === "static");
}

function findLate({ lateCredential, awsKeys }: ProviderConfig): LateCredentials | null {
  const areKeysLate =
    awsKeys !== null &&
    !(isStatic(awsKeys.accessKeyId) && isStatic(awsKeys.secretAccessKey) && isStatic(awsKeys.sessionToken));
  if (lateCredential === null && !areKeysLate) return null;
  return { credential: lateCredential, aws: areKeysLate ? awsKeys : null };
}

function makeAwsAccess({ options: { region }, awsKeys }: ProviderConfig): AwsAccess | null {
  if (region === null) return null;
  const read = (sources: readonly CredentialSource[] | null | undefined): Secret | null => {
    const source = sources?.[0];
    return source?.kind === "static" ? source.secret : null;
  };
  return {
    region,
    accessKeyId: read(awsKeys?.accessKeyId),
    secretAccessKey: read(awsKeys?.secretAccessKey),
    sessionToken: read(awsKeys?.sessionToken),
  };
}
