import type { z } from "zod";
import type { AlertBody, AlertKind, createAlertInput, updateAlertInput } from "./alert-schema.ts";
import type { InputIssue } from "./input-issues.ts";

type CreateAlert = z.infer<typeof createAlertInput>;

const thresholdsDefault: Readonly<Partial<Record<AlertKind, readonly number[]>>> = {
  budget: [50, 80, 100],
  expiry: [14, 3, 1],
};
/** A spike that comes and goes within the hour is one. */
const resolveMinutesDefault: Readonly<Partial<Record<AlertKind, number>>> = {
  spike: 60,
  rotated_secret: 60,
  unpriced: 60,
};
/** Below, an hour says nothing about the next. */
const countDefault = { spend: 1, requests: 100, errors: 20 } as const;

/** Fills in what was not said. The lowest threshold first: budgets ascend, days to an end descend. */
export function makeAlertBody(input: CreateAlert): AlertBody {
  const { kind, name, measure = "spend" } = input;
  const thresholds = [...new Set(input.thresholds ?? thresholdsDefault[kind] ?? [])];
  return {
    kind,
    name,
    enabled: input.enabled ?? true,
    scope: input.scope ?? {},
    thresholds: thresholds.sort((one, other) => (kind === "expiry" ? other - one : one - other)),
    measure,
    sensitivity: input.sensitivity ?? 6,
    minimum_usd: input.minimum_usd ?? (kind === "debt" ? "0" : "1"),
    minimum_count: input.minimum_count ?? (kind === "spike" ? countDefault[measure] : 1),
    webhooks: input.webhooks ?? [],
    quiet_hours: input.quiet_hours ?? null,
    resolve_after_minutes: input.resolve_after_minutes ?? resolveMinutesDefault[kind] ?? 0,
    action: input.action ?? "none",
    throttle_requests_per_minute: input.throttle_requests_per_minute ?? null,
  };
}

/** A rule as it is after a change: what is not said stays. */
export function makeChangedBody(kept: AlertBody, change: Omit<z.infer<typeof updateAlertInput>, "rule_id">): AlertBody {
  const rate = change.throttle_requests_per_minute ?? kept.throttle_requests_per_minute ?? undefined;
  return makeAlertBody({
    kind: kept.kind,
    name: change.name ?? kept.name,
    enabled: change.enabled ?? kept.enabled,
    scope: change.scope ?? kept.scope,
    // Kinds without thresholds have none.
    thresholds: change.thresholds ?? (kept.thresholds.length === 0 ? undefined : kept.thresholds),
    measure: change.measure ?? kept.measure,
    sensitivity: change.sensitivity ?? kept.sensitivity,
    minimum_usd: change.minimum_usd ?? kept.minimum_usd,
    minimum_count: change.minimum_count ?? kept.minimum_count,
    webhooks: change.webhooks ?? kept.webhooks,
    quiet_hours: change.quiet_hours === undefined ? kept.quiet_hours : change.quiet_hours,
    resolve_after_minutes: change.resolve_after_minutes ?? kept.resolve_after_minutes,
    action: change.action ?? kept.action,
    throttle_requests_per_minute: rate,
  });
}

/** What of a rule does not go together. */
export function listAlertIssues(body: AlertBody): InputIssue[] {
  const issues: InputIssue[] = [];
  if (body.action === "throttle" && body.throttle_requests_per_minute === null) {
    issues.push({ path: "throttle_requests_per_minute", message: "must be given with action = throttle" });
  }
  if (body.action !== "none" && body.kind === "unpriced") {
    issues.push({ path: "action", message: "must be none for unpriced, which is about models and not about a key" });
  }
  if ((body.scope.tag_key === undefined) !== (body.scope.tag_value === undefined)) {
    issues.push({ path: "scope", message: "must have tag_key and tag_value together" });
  }
  return issues;
}
