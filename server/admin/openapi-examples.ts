interface Example {
  requests: Record<string, { summary: string; value: unknown }>;
  answers: Record<string, { summary: string; value: unknown }>;
}

const created = {
  api_key: "prod_k3x9q2m7a1bc_0123456789abcdefghijABCDEFGHIJ0123456789abcdefgh",
  public_id: "k3x9q2m7a1bc",
  alias: "acme-production",
  name: "Acme production",
  description: null,
  type: "production",
  state: "active",
  permissions: ["ai:inference"],
  models: ["openai::*", "!openai::o1"],
  tags: { customer_id: "acme" },
  budgets: [{ limit_usd: "25", period: "month", timezone: "Europe/Berlin" }],
  rate_limits: { requests_per_minute: 300 },
  max_output_tokens: null,
  expires_at: "2027-01-31T12:00:00.000Z",
  expiration: "2027-01-31T12:00:00.000Z",
  allowed_ips: [],
  allowed_origins: [],
  owner_id: null,
  provider_credentials: {},
  on_disconnect: "drain",
  created_at: "2026-11-02T12:00:00.000Z",
  created_by: "system",
  last_used_at: null,
  last_used_ip: null,
  rotated_at: null,
  rotation: null,
  imported_from: null,
  operator_hold: false,
  advice: [],
  version: 1,
};

/** Requests and answers to show, by operation. A test holds them against their schemas. */
export const examples: Readonly<Record<string, Example>> = {
  createApiKey: {
    requests: {
      limited: {
        summary: "A key for one customer, with a budget and a rate",
        value: {
          name: "Acme production",
          models: ["openai::*", "!openai::o1"],
          tags: { customer_id: "acme" },
          budgets: [{ limit_usd: "25", period: "month", timezone: "Europe/Berlin" }],
          rate_limits: { requests_per_minute: 300 },
        },
      },
      client: {
        summary: "A key for a browser",
        value: { name: "Web shop", type: "client", allowed_origins: ["https://shop.example.com"] },
      },
      plain: { summary: "All defaults", value: {} },
    },
    answers: { created: { summary: "The plaintext is shown this once", value: created } },
  },
};
