import { z } from "zod";
import { wireInstantOut } from "./wire-types.ts";

const count = z.number();
const names = z.array(z.string());

const providerView = z.object({
  name: z.string(),
  type: z.string(),
  model_name: z.string().nullable(),
  api_base: z.string().nullable().describe("Without a user and a password."),
  credential: z.enum(["set", "none", "missing"]).describe("Whether there is one; never what it is."),
  credential_sources: names.describe(
    "Where each call looks for it, in this order, like vault::NAME; empty: what was read at the start holds.",
  ),
  retries: count,
});

/** The settings of a process as it read them. No secret is in it. */
export const configView = z.object({
  config_hash: z.string().describe("Of the file that was read last."),
  config_file: z.string().nullable().describe("Where it is on the machine; null: there is none."),
  config_file_from: z
    .enum(["--config-file", "TOLLGATE_CONFIG"])
    .nullable()
    .describe("What named it; null: it was in the usual place."),
  applied_at: wireInstantOut
    .nullable()
    .describe("Since when it holds: the start, or the last reload. null: no process that runs answers."),
  sections: z
    .array(
      z.object({
        name: z.string(),
        from_file: z.boolean().describe("false: as it is by default."),
        holds_after: z.enum(["reload", "restart", "some of each"]).describe("When a change of it holds."),
      }),
    )
    .describe("Every section that the file can have."),
  role: z.string(),
  address: z.string(),
  database: z.enum(["embedded", "DATABASE_URL"]),
  redis: z.enum(["REDIS_URL"]).nullable(),
  google_sign_in: z.boolean(),
  smtp: z.boolean().describe("Whether e-mail can be sent."),
  leak_reports: z.boolean().describe("Whether scanners may report leaked keys."),
  gateway: z.object({
    auth_enabled: z.boolean(),
    body_bytes_max: count,
    response_bytes_max: count,
    sse_event_bytes_max: count,
    drain_seconds: count,
    grace_seconds: count,
    output_tokens_default: count,
    trusted_proxies: names,
  }),
  keys: z.object({
    prefixes: z.record(z.string(), z.string()),
    expiry_days_default: count,
    expiry_days_max: count,
    allow_no_expiry: z.boolean(),
    cache_entries_max: count,
  }),
  permissions: names,
  auth: z.object({
    base_url: z.string().nullable(),
    sign_up: z.string(),
    session_idle_minutes: count,
    session_absolute_hours: count,
    attempts_per_minute: count,
  }),
  plans: names,
  limits: z.object({ budget_exceeded_status: count, budget_surplus: z.boolean() }),
  rate_limiting: z.object({ enabled: z.boolean(), trust_request_tags: z.boolean(), rules: count }),
  budgets: count,
  egress: z.object({ allow: names }),
  usage: z.object({ raw_days: count, hour_days: count, partition_days_ahead: count }),
  journal: z.object({
    flush_interval_ms: count,
    batch_events_max: count,
    pending_events_max: count,
    segment_bytes_max: count,
  }),
  log: z.object({ level: z.string(), pretty: z.boolean(), access: z.boolean() }),
  models: z.array(
    z.object({ name: z.string(), output_tokens_max: count.nullable(), providers: z.array(providerView) }),
  ),
  functions: names,
  provider_types: z.array(providerView).describe("What shorthands such as openai::gpt-5-mini are called with."),
  prices: names.describe("Models that the file says a price for."),
});
export type ConfigView = z.infer<typeof configView>;

export const reloadView = z.object({
  config_hash_before: z.string(),
  config_hash: z.string(),
  applied: names.describe("Sections that differ from before and hold now."),
  needs_restart: names.describe("Sections that differ and hold once the process starts anew."),
});
