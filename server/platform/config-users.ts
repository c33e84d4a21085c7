import type { z } from "zod";
import type { Plan } from "../core/plan.ts";
import type { Config } from "./config.ts";
import { type EnvironmentSettings, isLoopbackHost } from "./config-environment.ts";
import { type ConfigMistake, formatConfigPath, formatConfigValue } from "./config-error.ts";
import { parseExactUsd, planSchema, settingSchemas } from "./config-schema.ts";
import { type ConfigPart, parseSection, parseTable } from "./config-section.ts";

const defaultPlans: Readonly<Record<string, z.input<typeof planSchema>>> = {
  free: { keys: 2, budget_usd: 5, requests_per_minute: 30 },
  pro: { keys: 10, budget_usd: 100, requests_per_minute: 300 },
};
const planName = /^[a-z0-9]+([_-][a-z0-9]+)*$/;

/**
 * Reads `[auth]`, whose defaults hang on where the gateway listens.
 *
 * @param environment its base URL wins over that of the file.
 * @returns `null` where something was added to `mistakes`.
 */
export function parseAuth(
  part: ConfigPart,
  environment: Pick<EnvironmentSettings, "host" | "google" | "baseUrl">,
  mistakes: ConfigMistake[],
): Config["auth"] | null {
  const section = parseSection(settingSchemas.auth, { ...part, value: part.value ?? {} }, mistakes);
  if (section === null) return null;
  const before = mistakes.length;
  const { host, google } = environment;
  const [text, path] =
    environment.baseUrl === null
      ? [section.base_url, formatConfigPath([...part.path, "base_url"])]
      : [environment.baseUrl, "TOLLGATE_BASE_URL"];
  const baseUrl = text === undefined ? null : parseBaseUrl(text, path, mistakes);
  if (section.session_idle_minutes > section.session_absolute_hours * 60) {
    mistakes.push({
      path: "auth.session_idle_minutes",
      found: `found ${section.session_idle_minutes}`,
      allowed: `must be at most auth.session_absolute_hours, which is ${section.session_absolute_hours * 60} minutes`,
    });
  }
  if (mistakes.length > before) return null;
  const isLocal = isLoopbackHost(host) && (baseUrl === null || isLoopbackHost(new URL(baseUrl).hostname));
  return {
    baseUrl,
    signUp: section.sign_up ?? (isLocal ? "open" : "closed"),
    sessionIdleMs: section.session_idle_minutes * 60_000,
    sessionAbsoluteMs: section.session_absolute_hours * 3_600_000,
    attemptsPerMinuteMax: section.attempts_per_minute,
    google,
  };
}

/** Scheme, host and port; a path would have to be stripped by a proxy that nobody configured. */
function parseBaseUrl(text: string, path: string, mistakes: ConfigMistake[]): string | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && (text === url.origin || text === `${url.origin}/`)) {
    return url.origin;
  }
  mistakes.push({
    path,
    found: `found ${formatConfigValue(text)}`,
    allowed: "must be what people open in their browser, without a path, such as https://tollgate.example.com",
  });
  return null;
}

/** Reads `[plans.NAME]`, in the order of the file; `free` and `pro` where it names none. */
export function parsePlans(part: ConfigPart, mistakes: ConfigMistake[]): ReadonlyMap<string, Plan> {
  const plans = new Map<string, Plan>();
  let tables = parseTable(part, mistakes);
  if (tables.length === 0) tables = parseTable({ ...part, value: defaultPlans }, mistakes);
  for (const { name, part: inner } of tables) {
    if (!planName.test(name) || name.length > 64) {
      mistakes.push({
        path: formatConfigPath(inner.path),
        found: `found ${formatConfigValue(name)}`,
        allowed: "the name of a plan is lower-case letters and digits, with single dashes or underscores between them",
      });
    }
    const section = parseSection(planSchema, inner, mistakes);
    if (section === null) continue;
    plans.set(name, {
      name,
      keysMax: section.keys,
      budgetNanoUsd: section.budget_usd === undefined ? null : parseExactUsd(section.budget_usd),
      requestsPerMinuteMax: section.requests_per_minute ?? null,
      models: section.models,
      mayRotate: section.rotate,
    });
  }
  return plans;
}
