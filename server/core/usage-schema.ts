import { z } from "zod";
import { tagFilterSchema, tagNameSchema } from "./api-key-schema.ts";
import { parseInstant } from "./expiry.ts";
import { wireInstantOut, wireLine, wireTimezone } from "./wire-types.ts";

/** What usage can be asked for by: the word in `group_by`, and the field of a row that holds the group's value. */
export const usageGroups = {
  key: "public_id",
  owner: "owner_id",
  model: "model",
  provider: "provider",
  endpoint: "endpoint",
  status: "status",
  origin: "origin",
} as const;
export type UsageGroup = keyof typeof usageGroups | `tag:${string}`;

export const usageGrains = ["hour", "day"] as const;
export type UsageGrain = (typeof usageGrains)[number];

const groupNames = [...Object.keys(usageGroups), "tag:NAME"].join(", ");
const groupsMax = 4;

function isUsageGroup(name: string): name is UsageGroup {
  return (
    Object.hasOwn(usageGroups, name) || (name.startsWith("tag:") && tagNameSchema.safeParse(name.slice(4)).success)
  );
}

/** `key,model` in a query string, a list in tRPC. */
const groupBy = z
  .union([z.string().max(1_000), z.array(z.string().max(100)).max(32)])
  .transform((value, context): UsageGroup[] => {
    const names = [value].flat().flatMap((part) => part.split(","));
    const groups: UsageGroup[] = [];
    for (const name of names.map((part) => part.trim()).filter((part) => part !== "")) {
      if (!isUsageGroup(name)) {
        context.addIssue({ code: "custom", message: `${JSON.stringify(name)} is not one of ${groupNames}` });
        return z.NEVER;
      }
      if (!groups.includes(name)) groups.push(name);
    }
    if (groups.length <= groupsMax) return groups;
    context.addIssue({ code: "custom", message: `must be at most ${groupsMax} groups` });
    return z.NEVER;
  });

/** An instant, or a day, which begins at midnight UTC. */
const moment = z
  .string()
  .max(64)
  .transform((text, context): Date => {
    const instant = parseInstant(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
    if (instant !== null) return instant;
    context.addIssue({
      code: "custom",
      message: "must be an instant in RFC 3339, or a day like 2027-01-31 (midnight UTC)",
    });
    return z.NEVER;
  });

export const queryUsageInput = z
  .strictObject({
    group_by: groupBy.optional().describe(`A list of: ${groupNames}. In REST separated by commas.`),
    from: moment.optional().describe("From this instant on; 30 days before `to` by default."),
    to: moment.optional().describe("Up to and without this instant; now by default."),
    grain: z.enum(usageGrains).optional().describe("A row for each hour or day."),
    timezone: wireTimezone.optional().describe("Where days and hours begin; UTC by default."),
    public_id: wireLine(64).optional().describe("Calls of this key."),
    owner_id: wireLine(128).optional().describe("Calls of this owner's keys."),
    model: wireLine(256).optional().describe("Calls of this model."),
    provider: wireLine(128).optional().describe("Calls that this provider answered."),
    endpoint: wireLine(128).optional().describe("Calls of this endpoint."),
    tag: tagFilterSchema.optional(),
  })
  .refine((input) => input.from === undefined || input.to === undefined || input.from < input.to, {
    path: ["from"],
    message: "must be before `to`",
  });

export type QueryUsageInput = z.output<typeof queryUsageInput>;

const percentiles = z.object({ p50: z.number().nullable(), p95: z.number().nullable(), p99: z.number().nullable() });

export const usageTotals = z.object({
  requests: z.number(),
  errors: z.number(),
  error_rate: z.number(),
  input_tokens: z.number(),
  cached_input_tokens: z.number(),
  cache_write_tokens: z.number(),
  output_tokens: z.number(),
  reasoning_tokens: z.number(),
  cost_usd: z.string(),
  unpriced_requests: z.number(),
  bytes_in: z.number(),
  bytes_out: z.number(),
  latency_ms: percentiles,
  first_token_ms: percentiles,
  first_used_at: wireInstantOut.nullable(),
  last_used_at: wireInstantOut.nullable(),
});
export type UsageTotals = z.infer<typeof usageTotals>;

/** A row holds its totals and the fields of the groups that were asked for; `tag:NAME` fields (text or null) have open names. */
export const usageRow = z
  .object({
    bucket: wireInstantOut.optional(),
    public_id: z.string().optional(),
    owner_id: z.string().nullable().optional(),
    model: z.string().optional(),
    provider: z.string().optional(),
    endpoint: z.string().optional(),
    status: z.number().optional(),
    origin: z.string().nullable().optional(),
    ...usageTotals.shape,
  })
  .catchall(z.unknown());
export type UsageRow = z.infer<typeof usageRow>;

export const usageAnswer = z.object({ rows: z.array(usageRow), totals: usageTotals });
export type UsageAnswer = z.infer<typeof usageAnswer>;
