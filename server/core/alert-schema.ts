import { z } from "zod";
import { isPublicId } from "./key-format.ts";
import { formatUsd } from "./money.ts";
import { webhookIds } from "./webhook-schema.ts";
import { wireDigits, wireInstantOut, wireInteger, wireLine, wireTimezone, wireUsd } from "./wire-types.ts";

export const alertKinds = ["budget", "expiry", "spike", "rotated_secret", "unpriced", "debt"] as const;
export type AlertKind = (typeof alertKinds)[number];
export const alertActions = ["none", "throttle", "disable"] as const;
export type AlertAction = (typeof alertActions)[number];

const ruleId = z
  .string()
  .regex(/^alert_[0-9A-Za-z]{1,40}$/, "must be the id of an alert rule")
  .describe("The rule's id.");
const incidentId = z.string().regex(/^inc_[0-9A-Za-z]{1,40}$/, "must be the id of an incident");
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time of day, like 22:00");

const publicId = z.string().refine((text): boolean => isPublicId(text), "must be 12 letters or digits");

const scope = z
  .strictObject({
    public_id: publicId.optional(),
    owner_id: wireLine(256).optional(),
    tag_key: wireLine(64).optional(),
    tag_value: wireLine(256, 0).optional(),
  })
  .describe("Which keys; all of them unless something is named. A tag has tag_key and tag_value.");

const quietHours = z
  .strictObject({ from: timeOfDay, to: timeOfDay, timezone: wireTimezone.default("UTC") })
  .describe("Nothing is sent then; what still holds afterwards is sent afterwards.");

const fields = {
  name: wireLine(100),
  enabled: z.boolean(),
  scope,
  thresholds: z
    .array(wireInteger(1, 1_000))
    .min(1)
    .max(10)
    .describe("budget: percent of the limit, 50, 80 and 100 unless given; expiry: days ahead, 14, 3 and 1."),
  measure: z.enum(["spend", "requests", "errors"]).describe("spike: what is measured in each hour."),
  sensitivity: wireInteger(2, 100).describe("spike: how many deviations above the usual; 6 unless given."),
  minimum_usd: wireUsd.transform(formatUsd).describe("spike of spend, and debt: less than this is never told of."),
  minimum_count: wireInteger(1, 1_000_000_000).describe("spike, rotated_secret, unpriced: fewer are never told of."),
  webhooks: webhookIds.describe("Where it is told."),
  quiet_hours: quietHours.nullable(),
  resolve_after_minutes: wireInteger(0, 10_080).describe("For so long it must have ceased before it counts as over."),
  action: z.enum(alertActions).describe("What happens to the key at the highest threshold; once for an incident."),
  throttle_requests_per_minute: wireInteger(0, 1_000_000).describe("throttle: what is left to the key."),
};

const optional = {
  enabled: fields.enabled.optional(),
  scope: fields.scope.optional(),
  thresholds: fields.thresholds.optional(),
  measure: fields.measure.optional(),
  sensitivity: fields.sensitivity.optional(),
  minimum_usd: fields.minimum_usd.optional(),
  minimum_count: fields.minimum_count.optional(),
  webhooks: fields.webhooks.optional(),
  quiet_hours: fields.quiet_hours.optional(),
  resolve_after_minutes: fields.resolve_after_minutes.optional(),
  action: fields.action.optional(),
  throttle_requests_per_minute: fields.throttle_requests_per_minute.optional(),
};

export const createAlertInput = z.strictObject({ kind: z.enum(alertKinds), name: fields.name, ...optional });
export const updateAlertInput = z.strictObject({ rule_id: ruleId, name: fields.name.optional(), ...optional });
export const alertReference = z.strictObject({ rule_id: ruleId });

/** A rule on the wire, with everything filled in. */
export const alertView = z.object({
  id: z.string(),
  kind: z.enum(alertKinds),
  name: z.string(),
  enabled: z.boolean(),
  scope: z.object({
    public_id: z.string().optional(),
    owner_id: z.string().optional(),
    tag_key: z.string().optional(),
    tag_value: z.string().optional(),
  }),
  thresholds: z.array(z.number()),
  measure: z.enum(["spend", "requests", "errors"]),
  sensitivity: z.number(),
  minimum_usd: z.string(),
  minimum_count: z.number(),
  webhooks: z.array(z.string()),
  quiet_hours: z.object({ from: z.string(), to: z.string(), timezone: z.string() }).nullable(),
  resolve_after_minutes: z.number(),
  action: z.enum(alertActions),
  throttle_requests_per_minute: z.number().nullable(),
  created_at: wireInstantOut,
  created_by: z.string(),
});
export type AlertView = z.infer<typeof alertView>;

/** What is stored of a rule: the view without where it comes from. */
export const alertBody = alertView.omit({ id: true, created_at: true, created_by: true });
export type AlertBody = z.infer<typeof alertBody>;

export const alertList = z.object({ rules: z.array(alertView), next_cursor: z.null() });

export const incidentView = z.object({
  id: z.string(),
  rule_id: z.string(),
  state: z.enum(["open", "resolved"]),
  public_id: z.string().nullable().describe("The key that it is about, where it is about one."),
  title: z.string(),
  facts: z.record(z.string(), z.string()),
  level: z.number().describe("The place of the threshold that was reached; 0 for the lowest."),
  opened_at: wireInstantOut,
  seen_at: wireInstantOut,
  resolved_at: wireInstantOut.nullable(),
  announced: z.boolean().describe("Whether it was told of; not yet in quiet hours."),
  acknowledged_at: wireInstantOut.nullable(),
  acknowledged_by: z.string().nullable(),
  action: z.enum(alertActions),
  acted_at: wireInstantOut.nullable(),
});
export type IncidentView = z.infer<typeof incidentView>;

export const listIncidentsInput = z.strictObject({
  limit: wireDigits(1, 200).default(50).describe("How many incidents at most."),
  cursor: z.string().max(200).optional().describe("`next_cursor` of the page before."),
  state: z.enum(["open", "resolved"]).optional().describe("Incidents in this state."),
  rule_id: ruleId.optional(),
  public_id: z
    .string()
    .refine(isPublicId, "must be 12 letters or digits")
    .optional()
    .describe("Incidents of this key."),
});
export const incidentList = z.object({ incidents: z.array(incidentView), next_cursor: z.string().nullable() });
export const incidentReference = z.strictObject({ incident_id: incidentId.describe("The incident's id.") });
