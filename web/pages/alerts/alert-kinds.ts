import type { Outputs } from "../../app/api.ts";

export type AlertRule = Outputs["alerts"]["listRules"]["rules"][number];
export type AlertKind = AlertRule["kind"];

interface KindWords {
  label: string;
  /** What the thresholds are; kinds without have `null`. */
  thresholds: string | null;
  hasUsd: boolean;
  hasCount: boolean;
  /** Whether something can be done to the key that it is about. */
  hasAction: boolean;
}

/** What rules look for, in words, and which fields each has. */
export const alertKinds: Readonly<Record<AlertKind, KindWords>> = {
  budget: {
    label: "Budget nearly spent",
    thresholds: "Percent of the limit",
    hasUsd: false,
    hasCount: false,
    hasAction: true,
  },
  expiry: { label: "Key about to expire", thresholds: "Days ahead", hasUsd: false, hasCount: false, hasAction: true },
  spike: { label: "Unusual hour of a key", thresholds: null, hasUsd: true, hasCount: true, hasAction: true },
  rotated_secret: {
    label: "Old secret still in use",
    thresholds: null,
    hasUsd: false,
    hasCount: true,
    hasAction: true,
  },
  unpriced: { label: "Calls without a price", thresholds: null, hasUsd: false, hasCount: true, hasAction: false },
  debt: { label: "Budget overdrawn", thresholds: null, hasUsd: true, hasCount: false, hasAction: true },
};

const measureNames = { spend: "spend", requests: "requests", errors: "errors" } as const;

/** From when on a rule tells, in a few words. */
export function describeCondition(rule: AlertRule): string {
  if (rule.kind === "budget") return `at ${rule.thresholds.join(", ")} % of the limit`;
  if (rule.kind === "expiry") return `${rule.thresholds.join(", ")} days ahead`;
  if (rule.kind === "debt") return `above ${rule.minimum_usd} USD`;
  const least = rule.measure === "spend" ? `${rule.minimum_usd} USD` : String(rule.minimum_count);
  if (rule.kind === "spike") return `${measureNames[rule.measure]} ${rule.sensitivity} deviations up, from ${least}`;
  return `from ${rule.minimum_count} ${rule.minimum_count === 1 ? "call" : "calls"}`;
}

/** Which keys a rule is about. */
export function describeScope({
  public_id: key,
  owner_id: owner,
  tag_key: tag,
  tag_value: value,
}: AlertRule["scope"]): string {
  const parts = [
    ...(key === undefined ? [] : [`key ${key}`]),
    ...(owner === undefined ? [] : [`owner ${owner}`]),
    ...(tag === undefined ? [] : [`${tag} = ${value ?? ""}`]),
  ];
  return parts.length === 0 ? "every key" : parts.join(", ");
}
