/** What is known about a provider type before any configuration. */
export interface ProviderTypeDefaults {
  /** Absolute URL without a trailing slash; `null`: there is no address that holds for everybody. */
  apiBase: string | null;
  /** True where there is no provider to talk to unless the operator says an address. */
  needsApiBase: boolean;
  /** Where the credential is looked for when nothing else is said: a credential location, `none` where none is needed. */
  credential: string;
  /** Where the price book looks: a provider's id in the catalogue; `null`: unpriced unless the config says a price. */
  catalogueId: string | null;
}

/** Every provider type that this build can call, by the name used in `type = "…"` and in shorthands (`type::model`). */
export const providerTypes = {
  openai: {
    apiBase: "https://api.openai.com/v1",
    needsApiBase: false,
    credential: "env::OPENAI_API_KEY",
    catalogueId: "openai",
  },
  openai_compatible: { apiBase: null, needsApiBase: true, credential: "env::OPENAI_API_KEY", catalogueId: null },
  vllm: { apiBase: null, needsApiBase: true, credential: "none", catalogueId: null },
  sglang: { apiBase: null, needsApiBase: true, credential: "env::SGLANG_API_KEY", catalogueId: null },
  tgi: { apiBase: null, needsApiBase: true, credential: "none", catalogueId: null },
  echo: { apiBase: null, needsApiBase: false, credential: "none", catalogueId: "echo" },
} as const satisfies Record<string, ProviderTypeDefaults>;

/** Types that are planned; their names are kept free, so that a model of today does not become a shorthand of tomorrow. */
export const laterProviderTypes = [
  "anthropic",
  "aws_bedrock",
  "azure",
  "deepseek",
  "fireworks",
  "gcp_vertex_anthropic",
  "gcp_vertex_gemini",
  "google_ai_studio_gemini",
  "groq",
  "hyperbolic",
  "mistral",
  "openrouter",
  "together",
  "xai",
] as const;

export type ProviderType = keyof typeof providerTypes;

/** True for the name of a provider type of this build. */
export function isProviderType(name: string): name is ProviderType {
  return Object.hasOwn(providerTypes, name);
}
