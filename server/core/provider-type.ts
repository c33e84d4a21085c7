/** What is known about a provider type before any configuration. */
export interface ProviderTypeDefaults {
  /** Absolute URL without a trailing slash; `null`: the operator must say it (echo: there is none). */
  apiBase: string | null;
  /** Where the credential is looked for when nothing else is said: a credential location, `none` where none is needed. */
  credential: string;
  /** The provider's id in the price catalogue; `null`: not listed there, so unpriced unless the config says a price. */
  catalogueId: string | null;
}

/** Every provider type that this build can call, by the name used in `type = "…"` and in shorthands (`type::model`). */
export const providerTypes = {
  openai: { apiBase: "https://api.openai.com/v1", credential: "env::OPENAI_API_KEY", catalogueId: "openai" },
  openai_compatible: { apiBase: null, credential: "env::OPENAI_API_KEY", catalogueId: null },
  vllm: { apiBase: null, credential: "none", catalogueId: null },
  sglang: { apiBase: null, credential: "env::SGLANG_API_KEY", catalogueId: null },
  tgi: { apiBase: null, credential: "none", catalogueId: null },
  echo: { apiBase: null, credential: "none", catalogueId: null },
} as const satisfies Record<string, ProviderTypeDefaults>;

export type ProviderType = keyof typeof providerTypes;

/** True for the name of a provider type of this build. */
export function isProviderType(name: string): name is ProviderType {
  return Object.hasOwn(providerTypes, name);
}
