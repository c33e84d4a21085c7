import { LRUCache } from "lru-cache";
import { parseShorthand } from "../core/model-name.ts";
import type { PriceBook } from "../core/price-book.ts";
import type { ProviderType } from "../core/provider-type.ts";
import type { Config } from "../platform/config.ts";
import { type HealthBook, openHealthBook } from "./health-book.ts";
import { makeTarget } from "./target.ts";
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
  /** Some of the targets take their credential from the call, or from what is stored. */
  isLate: boolean;
  /** Where targets have weights: calls of one conversation go to one of them. */
  isSticky: boolean;
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
export function openModelTable(config: Config, prices: PriceBook, health: HealthBook = openHealthBook()): ModelTable {
  const configured = new Map<string, ResolvedModel>();
  for (const [name, model] of config.models) {
    const targets = model.providers.map((provider, index) =>
      makeTarget(provider, {
        upstreamModel: provider.modelName ?? name,
        modelName: name,
        outputTokensMax: model.outputTokensMax,
        weight: model.weights?.[index] ?? null,
        health: health.open(name, provider),
        prices,
      }),
    );
    configured.set(name, makeModel(name, targets, model.outputTokensMax, model.isSticky));
  }
  const names = [...configured.keys()];
  const shorthands = new LRUCache<string, ResolvedModel | UnconfiguredModel>({ max: shorthandsMax });

  const findShorthand = (name: string): ResolvedModel | UnconfiguredModel | null => {
    const known = shorthands.get(name);
    if (known !== undefined) return known;
    const shorthand = parseShorthand(name);
    if (shorthand === null) return null;
    const found = resolveShorthand(name, shorthand.type, shorthand.model, config, prices, health);
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
  health: HealthBook,
): ResolvedModel | UnconfiguredModel {
  const provider = config.shorthands.get(type);
  if (provider === undefined) {
    return { name, providerType: type, credentialMissing: `provider_types.${type}.defaults.api_base is not set` };
  }
  if (provider.credentialMissing !== null) {
    return { name, providerType: type, credentialMissing: provider.credentialMissing };
  }
  const target = makeTarget(provider, {
    upstreamModel,
    modelName: name,
    outputTokensMax: null,
    weight: null,
    // Of the type as a whole: clients choose the names of shorthands, and there is no end of them.
    health: health.open("", provider),
    prices,
  });
  return makeModel(name, [target], null, false);
}

function makeModel(
  name: string,
  targets: readonly ProviderTarget[],
  outputTokensMax: number | null,
  isSticky: boolean,
): ResolvedModel {
  const priced = targets.filter(({ price }) => price !== null);
  const pricedTargets = priced.length === targets.length ? targets : priced;
  const isLate = targets.some(({ late }) => late !== null);
  return { name, targets, pricedTargets, outputTokensMax, isLate, isSticky };
}
