/** Where a credential is looked for: a location, or a second one for when the first holds nothing. */
export type DefaultLocation = string | { readonly default: string; readonly fallback: string };

/** What is known about a provider type before any configuration. */
export interface ProviderTypeDefaults {
  /** Absolute URL without a trailing slash; `null`: there is none that holds for everybody, or it is made from other options. */
  apiBase: string | null;
  /** True where there is no provider to talk to unless the operator says an address. */
  needsApiBase: boolean;
  /** Where the credential is looked for when nothing else is said: a credential location, `none` where none is needed. */
  credential: DefaultLocation;
  /**
   * What a credential is: a `token` for one header, the JSON text of a Google `service_account`, or the keys of `aws`
   * requests. Of the last two there is `sdk`: what the environment offers.
   */
  credentialKind: "token" | "service_account" | "aws";
  /** Where the price book looks: a provider's id in the catalogue; `null`: unpriced unless the config says a price. */
  catalogueId: string | null;
  /**
   * How a call reaches it: `openai`: the client's bytes as they are; `translated`: in the provider's own shape and back;
   * `echo`: nowhere.
   */
  wire: "openai" | "translated" | "echo";
  /** Streams report their usage: when `stream_options.include_usage` asks for it, or always; then it is not sent. */
  streamUsage: "asked" | "given";
  /** What a chat's cap on output tokens is called. `either`: whichever the client uses, `max_tokens` where it has none. */
  chatCapField: "either" | "max_tokens" | "max_completion_tokens";
}

const openAiShaped = {
  needsApiBase: false,
  credentialKind: "token",
  wire: "openai",
  streamUsage: "asked",
  chatCapField: "either",
} as const;
const translated = {
  needsApiBase: false,
  wire: "translated",
  streamUsage: "given",
  chatCapField: "either",
} as const;
const serviceAccount = {
  apiBase: null,
  credential: "path_from_env::GCP_VERTEX_CREDENTIALS_PATH",
  credentialKind: "service_account",
  catalogueId: "google",
} as const;

/** Every provider type that this build can call, by the name used in `type = "…"` and in shorthands (`type::model`). */
export const providerTypes = {
  openai: {
    ...openAiShaped,
    apiBase: "https://api.openai.com/v1",
    credential: "env::OPENAI_API_KEY",
    catalogueId: "openai",
    chatCapField: "max_completion_tokens",
  },
  openai_compatible: {
    ...openAiShaped,
    apiBase: null,
    needsApiBase: true,
    credential: "env::OPENAI_API_KEY",
    catalogueId: null,
  },
  vllm: { ...openAiShaped, apiBase: null, needsApiBase: true, credential: "none", catalogueId: null },
  sglang: { ...openAiShaped, apiBase: null, needsApiBase: true, credential: "env::SGLANG_API_KEY", catalogueId: null },
  tgi: { ...openAiShaped, apiBase: null, needsApiBase: true, credential: "none", catalogueId: null },
  azure: {
    ...openAiShaped,
    apiBase: null,
    needsApiBase: true,
    credential: { default: "env::AZURE_OPENAI_API_KEY", fallback: "env::AZURE_API_KEY" },
    catalogueId: "azure",
    chatCapField: "max_completion_tokens",
  },
  deepseek: {
    ...openAiShaped,
    apiBase: "https://api.deepseek.com/v1",
    credential: "env::DEEPSEEK_API_KEY",
    catalogueId: "deepseek",
  },
  fireworks: {
    ...openAiShaped,
    apiBase: "https://api.fireworks.ai/inference/v1",
    credential: "env::FIREWORKS_API_KEY",
    catalogueId: "fireworks",
  },
  groq: {
    ...openAiShaped,
    apiBase: "https://api.groq.com/openai/v1",
    credential: "env::GROQ_API_KEY",
    catalogueId: "groq",
  },
  hyperbolic: {
    ...openAiShaped,
    apiBase: "https://api.hyperbolic.xyz/v1",
    credential: "env::HYPERBOLIC_API_KEY",
    catalogueId: null,
  },
  // Refuses every field that it does not know. Source: Mistral's API reference, chat completion.
  mistral: {
    ...openAiShaped,
    streamUsage: "given",
    chatCapField: "max_tokens",
    apiBase: "https://api.mistral.ai/v1",
    credential: "env::MISTRAL_API_KEY",
    catalogueId: "mistral",
  },
  openrouter: {
    ...openAiShaped,
    apiBase: "https://openrouter.ai/api/v1",
    credential: "env::OPENROUTER_API_KEY",
    catalogueId: "openrouter",
  },
  together: {
    ...openAiShaped,
    apiBase: "https://api.together.xyz/v1",
    credential: "env::TOGETHER_API_KEY",
    catalogueId: "together",
  },
  xai: { ...openAiShaped, apiBase: "https://api.x.ai/v1", credential: "env::XAI_API_KEY", catalogueId: "x-ai" },
  anthropic: {
    ...translated,
    apiBase: "https://api.anthropic.com/v1",
    credential: "env::ANTHROPIC_API_KEY",
    credentialKind: "token",
    catalogueId: "anthropic",
  },
  aws_bedrock: { ...translated, apiBase: null, credential: "sdk", credentialKind: "aws", catalogueId: "aws" },
  gcp_vertex_anthropic: { ...translated, ...serviceAccount },
  gcp_vertex_gemini: { ...translated, ...serviceAccount },
  google_ai_studio_gemini: {
    ...translated,
    apiBase: "https://generativelanguage.googleapis.com/v1beta",
    credential: { default: "env::GOOGLE_API_KEY", fallback: "env::GOOGLE_AI_STUDIO_API_KEY" },
    credentialKind: "token",
    catalogueId: "google",
  },
  echo: {
    apiBase: null,
    needsApiBase: false,
    credential: "none",
    credentialKind: "token",
    catalogueId: "echo",
    wire: "echo",
    streamUsage: "asked",
    chatCapField: "either",
  },
} as const satisfies Record<string, ProviderTypeDefaults>;

export type ProviderType = keyof typeof providerTypes;

/** True for the name of a provider type of this build. */
export function isProviderType(name: string): name is ProviderType {
  return Object.hasOwn(providerTypes, name);
}

/** Whether a call is read here, instead of passing through as bytes: its parsed body must be what is sent. */
export function isTranslated(type: ProviderType): boolean {
  return providerTypes[type].wire !== "openai";
}
