import { LRUCache } from "lru-cache";
import { parseShorthand } from "../core/model-name.ts";
import type { PriceBook } from "../core/price-book.ts";
import { type ProviderType, providerTypes } from "../core/provider-type.ts";
import type { Config, ProviderConfig } from "../platform/config.ts";
import { findContextTokens } from "./context-window.ts";
import { makeTargetAddress } from "./target-address.ts";
import type { ProviderTarget } from "./types.ts";

/** A model that can be called. Immutable and shared by requests. */
export interface ResolvedModel {
  /** The one name that allowlists, events and prices use, whichever spelling the client sent. */
  name: string;
  /** In routing order; at least one. */
  targets: readonly ProviderTarget[];
  /** Of these the ones with a price: all that a call with a budget may go to. */
  pricedTargets: readonly ProviderTarget[];
  outputTokensMax: number | null;
}

/** A shorthand of a provider that this deployment has no address or credential for: answered as 404. */
export interface UnconfiguredModel {
  name: string;
  providerType: ProviderType;
  /** What is missing, such as the environment variable. For the operator: a client is told the provider only. */
  credentialMissing: string;
}

export interface ModelTable {
  /** Finds a model by any of its spellings; `null` where there is none. No I/O. */
  find(name: string): ResolvedModel | UnconfiguredModel | null;
  /** Names of the models in the config file, in its order. Shorthands are not listed: there is no end of them. */
  list(): readonly string[];
}

const tensorZeroPrefix = "tensorzero::model_name::";

/** A client may ask for any number of `type::NAME`: as many as this are remembered (about 1 KB each). */
const shorthandsMax = 10_000;

/** Resolves every configured model and its prices at once. A reload opens another table. */
export function openModelTable(config: Config, prices: PriceBook): ModelTable {
  const configured = new Map<string, ResolvedModel>();
  for (const [name, model] of config.models) {
    const targets = model.providers.map((provider) =>
      makeTarget(provider, provider.modelName ?? name, name, model.outputTokensMax, prices),
    );
    configured.set(name, makeModel(name, targets, model.outputTokensMax));
  }
  const names = [...configured.keys()];
  const shorthands = new LRUCache<string, ResolvedModel | UnconfiguredModel>({ max: shorthandsMax });

  const findShorthand = (name: string): ResolvedModel | UnconfiguredModel | null => {
    const known = shorthands.get(name);
    if (known !== undefined) return known;
    const shorthand = parseShorthand(name);
    if (shorthand === null) return null;
    const found = resolveShorthand(name, shorthand.type, shorthand.model, config, prices);
    shorthands.set(name, found);
    return found;
  };

  return {
    find(sent) {
      const name = sent.startsWith(tensorZeroPrefix) ? sent.slice(tensorZeroPrefix.length) : sent;
      return configured.get(name) ?? findShorthand(name);
    },
    list: () => names,
  };
}

function resolveShorthand(
  name: string,
  type: ProviderType,
  upstreamModel: string,
  config: Config,
  prices: PriceBook,
): ResolvedModel | UnconfiguredModel {
  const provider = config.shorthands.get(type);
  if (provider === undefined) {
    return { name, providerType: type, credentialMissing: `provider_types.${type}.defaults.api_base is not set` };
  }
  if (provider.credentialMissing !== null) {
    return { name, providerType: type, credentialMissing: provider.credentialMissing };
  }
  const targets = [makeTarget(provider, upstreamModel, name, null, prices)];
  return makeModel(name, targets, null);
}

function makeModel(name: string, targets: readonly ProviderTarget[], outputTokensMax: number | null): ResolvedModel {
  const priced = targets.filter(({ price }) => price !== null);
  return { name, targets, pricedTargets: priced.length === targets.length ? targets : priced, outputTokensMax };
}

function makeTarget(
  provider: ProviderConfig,
  upstreamModel: string,
  modelName: string,
  outputTokensMax: number | null,
  prices: PriceBook,
): ProviderTarget {
  const { region, vertex } = provider.options;
  const { catalogueId } = providerTypes[provider.type];
  return {
    providerName: provider.name,
    type: provider.type,
    upstreamModel,
    ...makeTargetAddress(provider, upstreamModel),
    credential: provider.credential,
    aws: region === null ? null : { region, accessKeyId: null, secretAccessKey: null, sessionToken: null },
    vertex,
    price: prices.find(catalogueId, upstreamModel, modelName),
    contextTokensMax: findContextTokens(catalogueId, upstreamModel),
    outputTokensMax,
    timeouts: provider.timeouts,
    retriesMax: provider.retriesMax,
    echo: provider.type === "echo" ? provider.echo : null,
  };
}
