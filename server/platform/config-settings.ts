import type { z } from "zod";
import { permissionCatalogue } from "../core/permission.ts";
import type { Config } from "./config.ts";
import { type ConfigMistake, formatConfigValue } from "./config-error.ts";
import { settingSchemas } from "./config-schema.ts";
import { parseSection } from "./config-section.ts";

type Settings = Pick<Config, "gateway" | "keys" | "permissions" | "limits" | "journal" | "egress" | "usage" | "log">;

/** Reads the sections that are settings of the process; `null` where one of them has a mistake. */
export function parseSettings(sections: Readonly<Record<string, unknown>>, mistakes: ConfigMistake[]): Settings | null {
  const read = <T>(name: string, schema: z.core.$ZodType<T>): T | null =>
    parseSection(schema, { value: Object.hasOwn(sections, name) ? sections[name] : {}, path: [name] }, mistakes);
  const gateway = read("gateway", settingSchemas.gateway);
  const keys = read("keys", settingSchemas.keys);
  const permissions = read("permissions", settingSchemas.permissions);
  const limits = read("limits", settingSchemas.limits);
  const egress = read("egress", settingSchemas.egress);
  const usage = read("usage", settingSchemas.usage);
  const journal = read("journal", settingSchemas.journal);
  const log = read("log", settingSchemas.log);
  if (keys !== null) checkKeys(keys, mistakes);
  if (usage !== null && usage.hour_days < usage.raw_days) {
    mistakes.push({
      path: "usage.hour_days",
      found: `found ${usage.hour_days}`,
      allowed: `must be at least usage.raw_days, which is ${usage.raw_days}: hours are made of raw events`,
    });
  }
  if (gateway === null || keys === null || permissions === null) return null;
  if (limits === null || egress === null || usage === null || journal === null || log === null) return null;
  return {
    gateway: {
      authEnabled: gateway.auth.enabled,
      bodyBytesMax: gateway.body_bytes_max,
      responseBytesMax: gateway.response_bytes_max,
      sseEventBytesMax: gateway.sse_event_bytes_max,
      drainMs: Math.round(gateway.drain_seconds * 1000),
      graceMs: Math.round(gateway.grace_seconds * 1000),
      outputTokensDefault: gateway.output_tokens_default,
      trustedProxies: gateway.trusted_proxies,
    },
    keys: {
      prefixes: keys.prefixes,
      expiryDaysDefault: keys.expiry_days_default,
      expiryDaysMax: keys.expiry_days_max,
      allowNoExpiry: keys.allow_no_expiry,
      cacheEntriesMax: keys.cache_entries_max,
    },
    permissions: [...new Set([...permissionCatalogue, ...permissions.extra])],
    journal: {
      flushIntervalMs: journal.flush_interval_ms,
      batchEventsMax: journal.batch_events_max,
      pendingEventsMax: journal.pending_events_max,
      segmentBytesMax: journal.segment_bytes_max,
    },
    limits: { budgetExceededStatus: limits.budget_exceeded_status, budgetSurplus: limits.budget_surplus },
    usage: {
      rawDays: usage.raw_days,
      hourDays: usage.hour_days,
      partitionDaysAhead: usage.partition_days_ahead,
    },
    egress,
    log,
  };
}

function checkKeys(keys: z.infer<typeof settingSchemas.keys>, mistakes: ConfigMistake[]): void {
  if (keys.expiry_days_default > keys.expiry_days_max) {
    mistakes.push({
      path: "keys.expiry_days_default",
      found: `found ${keys.expiry_days_default}`,
      allowed: `must be at most keys.expiry_days_max, which is ${keys.expiry_days_max}`,
    });
  }
  const prefixes = Object.entries(keys.prefixes);
  prefixes.forEach(([type, prefix], index) => {
    const twin = prefixes.slice(0, index).find(([, other]) => other === prefix);
    if (twin === undefined) return;
    mistakes.push({
      path: `keys.prefixes.${type}`,
      found: `found ${formatConfigValue(prefix)}, which is also that of ${twin[0]}`,
      allowed: "each type of key needs a prefix of its own",
    });
  });
}
