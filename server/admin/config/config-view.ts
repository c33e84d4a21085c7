import type { ConfigView } from "../../core/config-view-schema.ts";
import type { CredentialSource } from "../../core/credential-source.ts";
import type { Config, ProviderConfig } from "../../platform/config.ts";
import { configSections } from "../../platform/config-reloader.ts";

/**
 * What is told is listed here, one by one: a setting that is new is not told until somebody has thought about it.
 *
 * @param appliedAtMs since when the file holds in the process that answers; `null`: none runs.
 */
export function makeConfigView(config: Config, appliedAtMs: number | null): ConfigView {
  const { gateway, keys, auth, limits, rateLimiting, usage, journal, log } = config;
  return {
    config_hash: config.configHash,
    config_file: config.configFile.path,
    config_file_from: config.configFile.from,
    applied_at: appliedAtMs === null ? null : new Date(appliedAtMs).toISOString(),
    sections: [...configSections].map(([name, holdsAfter]) => ({
      name,
      from_file: config.configFile.sections.includes(name),
      holds_after: holdsAfter,
    })),
    role: config.role,
    address: `${config.host}:${config.port}`,
    database: config.databaseUrl === null ? "embedded" : "DATABASE_URL",
    redis: config.redisUrl === null ? null : "REDIS_URL",
    google_sign_in: auth.google !== null,
    smtp: config.smtp !== null,
    leak_reports: config.leakSecret !== null,
    gateway: {
      auth_enabled: gateway.authEnabled,
      body_bytes_max: gateway.bodyBytesMax,
      response_bytes_max: gateway.responseBytesMax,
      sse_event_bytes_max: gateway.sseEventBytesMax,
      drain_seconds: gateway.drainMs / 1000,
      grace_seconds: gateway.graceMs / 1000,
      output_tokens_default: gateway.outputTokensDefault,
      trusted_proxies: [...gateway.trustedProxies],
    },
    keys: {
      prefixes: { ...keys.prefixes },
      expiry_days_default: keys.expiryDaysDefault,
      expiry_days_max: keys.expiryDaysMax,
      allow_no_expiry: keys.allowNoExpiry,
      cache_entries_max: keys.cacheEntriesMax,
    },
    permissions: [...config.permissions],
    auth: {
      base_url: auth.baseUrl,
      sign_up: auth.signUp,
      session_idle_minutes: auth.sessionIdleMs / 60_000,
      session_absolute_hours: auth.sessionAbsoluteMs / 3_600_000,
      attempts_per_minute: auth.attemptsPerMinuteMax,
    },
    plans: [...config.plans.keys()],
    limits: { budget_exceeded_status: limits.budgetExceededStatus, budget_surplus: limits.budgetSurplus },
    rate_limiting: {
      enabled: rateLimiting.enabled,
      trust_request_tags: rateLimiting.trustRequestTags,
      rules: rateLimiting.rules.length,
    },
    budgets: config.budgets.length,
    egress: { allow: [...config.egress.allow] },
    usage: { raw_days: usage.rawDays, hour_days: usage.hourDays, partition_days_ahead: usage.partitionDaysAhead },
    journal: {
      flush_interval_ms: journal.flushIntervalMs,
      batch_events_max: journal.batchEventsMax,
      pending_events_max: journal.pendingEventsMax,
      segment_bytes_max: journal.segmentBytesMax,
    },
    log: { level: log.level, pretty: log.pretty, access: log.access },
    models: [...config.models.values()].map(({ name, outputTokensMax, providers }) => ({
      name,
      output_tokens_max: outputTokensMax,
      providers: providers.map(makeProviderView),
    })),
    functions: [...config.functions.keys()],
    provider_types: [...config.shorthands.values()].map(makeProviderView),
    prices: [...config.prices.keys()],
  };
}

function makeProviderView(provider: ProviderConfig): ConfigView["provider_types"][number] {
  const { name, type, modelName, apiBase, credential, credentialMissing, lateCredential, awsKeys, retriesMax } =
    provider;
  const late = lateCredential ?? [awsKeys?.accessKeyId, awsKeys?.secretAccessKey, awsKeys?.sessionToken].flat();
  return {
    name,
    type,
    model_name: modelName,
    api_base: apiBase === null ? null : hideUser(apiBase),
    credential: credentialMissing !== null ? "missing" : credential === null ? "none" : "set",
    credential_sources: [...new Set(late.flatMap((source) => (source == null ? [] : [formatSource(source)])))],
    retries: retriesMax,
  };
}

function formatSource(source: CredentialSource): string {
  return source.kind === "static" ? "read at the start" : `${source.kind}::${source.name}`;
}

/** An address may carry a user and a password, or a key in its query. */
function hideUser(text: string): string {
  const url = new URL(text);
  return `${url.origin}${url.pathname}`.replace(/\/$/, "");
}
