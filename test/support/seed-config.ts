/** The model of the TensorZero page on keys, at a provider that stands for OpenAI, and that page's two rules. */
export function makeKeysSeedConfig(upstreamUrl: string, publicId: string): string {
  return `
[provider_types.openai.defaults]
api_base = "${upstreamUrl}/v1"
api_key_location = "none"

# Each API key can make up to 100 model inferences per hour
[[rate_limiting.rules]]
priority = 0
model_inferences_per_hour = 100
scope = [
    { api_key_public_id = "tensorzero::each" }
]

# But override the limit for a specific API key
[[rate_limiting.rules]]
priority = 1
model_inferences_per_hour = 1000
scope = [
    { api_key_public_id = "${publicId}" }
]
`;
}

/** The TensorZero page on credentials: its model, and the function that its example calls. */
export function makeCredentialsSeedConfig(upstreamUrl: string): string {
  return `
[models.user_gpt_4o_mini]
routing = ["openai"]

[models.user_gpt_4o_mini.providers.openai]
type = "openai"
model_name = "gpt-4o-mini"
api_key_location = "dynamic::customer_openai_api_key"
api_base = "${upstreamUrl}/v1"

[functions.generate_haiku]
type = "chat"

[functions.generate_haiku.variants.gpt_4o_mini]
type = "chat_completion"
model = "user_gpt_4o_mini"
`;
}
