import { z } from "zod";
import { budgetRuleSchema } from "../core/budget-rule.ts";
import { defaultKeyPrefixes } from "../core/key-format.ts";
import { configRuleSchema } from "../core/limit-rule.ts";
import { isModelName, modelNameLengthMax } from "../core/model-name.ts";
import { type NanoUsd, parseUsd } from "../core/money.ts";
import { parseNetwork } from "../core/network.ts";
import { isPermission } from "../core/permission.ts";
import { functionSchema } from "./config-function-schema.ts";
import { placeKeys } from "./config-provider-options.ts";

const kibi = 1024;
const mebi = kibi * kibi;
const gibi = kibi * mebi;

const count = (min: number, max: number, fallback: number) => z.int().min(min).max(max).default(fallback);
const seconds = (fallback: number) => z.number().min(0).max(86_400).default(fallback);
const ms = z.int().min(1).max(86_400_000);

export const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;

const prefix = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,30}_$/, "2 to 32 characters of a-z, 0-9, - and _, of which the last is _");

/** Reads USD per million tokens. A number that nano-USD cannot hold exactly is refused: rounding could make a price of nothing. */
export function parseExactUsd(value: number | string): NanoUsd | null {
  if (typeof value === "number" && Number(value.toFixed(9)) !== value) return null;
  return parseUsd(value);
}

const rateText = "USD per million tokens, 0 or more, with at most nine decimal places";
const rate = z
  .union([z.number(), z.string()], { error: rateText })
  .refine((value) => parseExactUsd(value) !== null, { error: `must be ${rateText}` });

export const credentialLocationSchema = z.union(
  [z.string(), z.strictObject({ default: z.string(), fallback: z.string() })],
  { error: 'a location such as "env::NAME", or { default = "…", fallback = "…" }' },
);

const timeouts = z.strictObject({
  connect_ms: ms.optional(),
  first_byte_ms: ms.optional(),
  idle_ms: ms.optional(),
  total_ms: ms.optional(),
});

const retries = z.int().min(0).max(10);

/** What may be said of a provider, and as a default of its type. */
const wire = {
  ...placeKeys,
  api_base: z.string().optional(),
  api_key_location: credentialLocationSchema.optional(),
  /** Google's word for it. */
  credential_location: credentialLocationSchema.optional(),
  access_key_id: credentialLocationSchema.optional(),
  secret_access_key: credentialLocationSchema.optional(),
  session_token: credentialLocationSchema.optional(),
  timeouts: timeouts.optional(),
  retries: retries.optional(),
  concurrent_requests_max: z.int().min(1).max(1_000_000).optional(),
  circuit_breaker: z
    .strictObject({
      failures: z.int().min(0).max(10).optional(),
      open_ms: z.int().min(10).max(600_000).optional(),
    })
    .optional(),
};
const upstreamName = z.string().refine(isModelName, {
  error: `must be 1 to ${modelNameLengthMax} printable characters with no white space at its ends`,
});

export const providerSchema = z.strictObject({
  type: z.string(),
  model_name: upstreamName.optional(),
  /** What AWS and Google call `model_name`, and Azure. */
  model_id: upstreamName.optional(),
  deployment_id: upstreamName.optional(),
  ...wire,
  delay_ms: z.int().min(0).max(600_000).optional(),
  tokens_per_second: z.number().min(0).max(1_000_000).optional(),
  fail_with_status: z.int().min(400).max(599).optional(),
});

export const modelSchema = z.strictObject({
  routing: z.union([z.array(z.string()).min(1), z.record(z.string(), z.number().min(0).max(1_000_000))], {
    error: "a list of providers, or their weights such as { first = 3, second = 1 }",
  }),
  sticky: z.boolean().optional(),
  output_tokens_max: z.int().min(1).max(10_000_000).optional(),
  providers: z.record(z.string(), providerSchema),
});

export const providerDefaultsSchema = z.strictObject({
  defaults: z.strictObject(wire).default({}),
});

const usdText = "an amount in USD, 0 or more, with at most nine decimal places";

/** What the keys of a member on this plan may be at most. */
export const planSchema = z.strictObject({
  keys: z.int().min(0).max(100_000),
  budget_usd: z
    .union([z.number(), z.string()], { error: usdText })
    .refine((value) => parseExactUsd(value) !== null, { error: `must be ${usdText}` })
    .optional(),
  requests_per_minute: z.int().min(0).max(1_000_000_000).optional(),
  models: z.array(z.string().min(1).max(128)).min(1).max(100).default(["*"]),
  rotate: z.boolean().default(true),
});

export const priceSchema = z.strictObject({
  input_usd_per_million: rate,
  output_usd_per_million: rate,
  cached_input_usd_per_million: rate.optional(),
  cache_write_usd_per_million: rate.optional(),
  hour_cache_write_usd_per_million: rate.optional(),
  reasoning_usd_per_million: rate.optional(),
  input_audio_usd_per_million: rate.optional(),
  output_audio_usd_per_million: rate.optional(),
});

const network = z.string().refine((text) => parseNetwork(text) !== null, {
  error: "must be an IPv4 or IPv6 network such as 10.0.0.0/8, or one address",
});

const extraPermission = z.string().refine((name) => isPermission(name) && !/^(admin|keys):/.test(name), {
  error: "must be service:action in a-z, 0-9, - and _, such as billing:read; the services admin and keys are built in",
});

/** The sections that are settings of the process: each is complete when it is left out. */
export const settingSchemas = {
  gateway: z.strictObject({
    auth: z.strictObject({ enabled: z.boolean().default(true) }).prefault({}),
    body_bytes_max: count(kibi, gibi, 32 * mebi),
    response_bytes_max: count(kibi, gibi, 32 * mebi),
    sse_event_bytes_max: count(kibi, gibi, 8 * mebi),
    drain_seconds: seconds(60),
    grace_seconds: seconds(60),
    output_tokens_default: count(1, 10_000_000, 16_384),
    trusted_proxies: z.array(network).max(200).default([]),
  }),
  keys: z.strictObject({
    prefixes: z
      .strictObject({
        development: prefix.default(defaultKeyPrefixes.development),
        production: prefix.default(defaultKeyPrefixes.production),
        client: prefix.default(defaultKeyPrefixes.client),
      })
      .prefault({}),
    expiry_days_default: count(1, 3650, 90),
    expiry_days_max: count(1, 3650, 365),
    allow_no_expiry: z.boolean().default(false),
    cache_entries_max: count(100, 10_000_000, 100_000),
  }),
  permissions: z.strictObject({ extra: z.array(extraPermission).max(200).default([]) }),
  auth: z.strictObject({
    base_url: z.string().optional(),
    sign_up: z.enum(["open", "invite", "closed"]).optional(),
    session_idle_minutes: count(1, 44_640, 30),
    session_absolute_hours: count(1, 744, 12),
    attempts_per_minute: count(1, 10_000, 20),
  }),
  limits: z.strictObject({
    budget_exceeded_status: z.union([z.literal(429), z.literal(402)], { error: "429 or 402" }).default(429),
    budget_surplus: z.boolean().default(true),
  }),
  usage: z.strictObject({
    raw_days: count(1, 3650, 30),
    hour_days: count(1, 36_500, 400),
    partition_days_ahead: count(1, 60, 3),
  }),
  egress: z.strictObject({ allow: z.array(network).max(200).default([]) }),
  journal: z.strictObject({
    flush_interval_ms: count(1, 60_000, 500),
    batch_events_max: count(1, 10_000, 4_000),
    pending_events_max: count(1_000, 10_000_000, 200_000),
    segment_bytes_max: count(64 * kibi, gibi, 16 * mebi),
  }),
  log: z.strictObject({
    level: z.enum(logLevels).default("info"),
    pretty: z.boolean().default(false),
    access: z.boolean().default(true),
  }),
};

const rulesMax = 1_000;

/** Rate rules; TensorZero's section of the same name is one of these. */
export const rateLimitingSchema = z.strictObject({
  enabled: z.boolean().default(true),
  trust_request_tags: z.boolean().default(false),
  /** TensorZero's: where it counts, and what it reserves for a call. Both are read, and mean nothing here. */
  backend: z.enum(["auto", "postgres", "valkey"]).optional(),
  default_cost: z.number().min(0).max(1e9).optional(),
  rules: z.array(configRuleSchema).max(rulesMax).default([]),
});
export const budgetsSchema = z.array(budgetRuleSchema).max(rulesMax);

/** The whole of `tollgate.toml`. */
export const configFileSchema = z.strictObject({
  gateway: settingSchemas.gateway.optional(),
  keys: settingSchemas.keys.optional(),
  permissions: settingSchemas.permissions.optional(),
  auth: settingSchemas.auth.optional(),
  plans: z.record(z.string(), planSchema).optional(),
  limits: settingSchemas.limits.optional(),
  rate_limiting: rateLimitingSchema.optional(),
  budgets: budgetsSchema.optional(),
  egress: settingSchemas.egress.optional(),
  usage: settingSchemas.usage.optional(),
  journal: settingSchemas.journal.optional(),
  log: settingSchemas.log.optional(),
  models: z.record(z.string(), modelSchema).optional(),
  functions: z.record(z.string(), functionSchema).optional(),
  provider_types: z.record(z.string(), providerDefaultsSchema).optional(),
  prices: z.record(z.string(), priceSchema).optional(),
});

export type ProviderSection = z.infer<typeof providerSchema>;
export type ProviderDefaultsSection = z.infer<typeof providerDefaultsSchema>["defaults"];
export type PriceSection = z.infer<typeof priceSchema>;
export type CredentialLocation = z.infer<typeof credentialLocationSchema>;
