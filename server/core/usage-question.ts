import { z } from "zod";
import { tagFilterSchema, tagNameSchema } from "./api-key-schema.ts";
import { parseInstant } from "./expiry.ts";
import { wireDigits, wireLine, wireTimezone } from "./wire-types.ts";

/** What usage can be asked for by: the word in `group_by`, and the field of a row that holds the group's value. */
export const usageGroups = {
  key: "public_id",
  owner: "owner_id",
  model: "model",
  provider: "provider",
  endpoint: "endpoint",
  status: "status",
  origin: "origin",
  client_network: "client_network",
} as const;
export type UsageGroup = keyof typeof usageGroups | `tag:${string}`;

export const usageGrains = ["minute", "hour", "day"] as const;
export type UsageGrain = (typeof usageGrains)[number];

/** What rows can be put in order by; the most comes first unless told otherwise. */
export const usageOrders = [
  "requests",
  "errors",
  "error_rate",
  "cost_usd",
  "input_tokens",
  "output_tokens",
  "bytes_out",
  "last_used_at",
] as const;
export type UsageOrder = (typeof usageOrders)[number];

/** Rows of one answer, and the groups that `top` may leave. */
export const usageRowsMax = 10_000;
const topMax = 1_000;
const groupsMax = 4;

const groupNames = [...Object.keys(usageGroups), "tag:NAME"].join(", ");

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
export const wireMoment = z
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

/** One status, or a class of them as `4xx`; in code the least and the greatest. */
const wireStatus = z
  .union([z.number().int().transform(String), z.string()])
  .transform((text, context): { min: number; max: number } => {
    if (/^[1-5]xx$/.test(text)) return { min: Number(text[0]) * 100, max: Number(text[0]) * 100 + 99 };
    if (/^[1-5]\d\d$/.test(text)) return { min: Number(text), max: Number(text) };
    context.addIssue({
      code: "custom",
      message: "must be a status like 429, or a class of them: 1xx, 2xx, 3xx, 4xx, 5xx",
    });
    return z.NEVER;
  })
  .meta({ wire: { type: "string", pattern: "^[1-5](xx|[0-9]{2})$" } });

/** Which calls count; all that is given must match. */
export const usageFilterShape = {
  public_id: wireLine(64).optional().describe("Calls of this key."),
  owner_id: wireLine(128).optional().describe("Calls of this owner's keys."),
  model: wireLine(256).optional().describe("Calls of this model."),
  provider: wireLine(128).optional().describe("Calls that this provider answered."),
  endpoint: wireLine(128).optional().describe("Calls of this endpoint."),
  status: wireStatus.optional().describe("Calls that were answered with this status, like 429, or class, like 5xx."),
  code: wireLine(64).optional().describe("Calls that failed with this code, like upstream_error."),
  origin: wireLine(256).optional().describe("Calls of pages of this origin."),
  tag: tagFilterSchema.optional(),
};

/** What is asked for; the range and how it is cut. */
export const usageQuestionShape = {
  group_by: groupBy.optional().describe(`A list of: ${groupNames}. In REST separated by commas.`),
  from: wireMoment.optional().describe("From this instant on; 30 days before `to` by default, at a full hour."),
  to: wireMoment.optional().describe("Up to and without this instant; now by default."),
  grain: z.enum(usageGrains).optional().describe("A row for each minute (of at most 24 hours), hour or day."),
  timezone: wireTimezone.optional().describe("Where days and hours begin; UTC by default."),
  compare: z
    .enum(["previous"])
    .optional()
    .describe("Tells with each row what it was in the range before, as long as this."),
  top: wireDigits(1, topMax).optional().describe("So many groups; all others are one row that says `other`."),
  order_by: z.enum(usageOrders).optional().describe("Puts rows in order; else by bucket, then by requests."),
  percentiles: z
    .boolean()
    .optional()
    .describe("False leaves percentiles out (null), which makes a wide question several times faster."),
  order: z.enum(["asc", "desc"]).optional().describe("`desc`, the most first, by default."),
};

export const queryUsageInput = z
  .strictObject({
    ...usageQuestionShape,
    ...usageFilterShape,
    limit: wireDigits(1, usageRowsMax).optional().describe(`How many rows at most; ${usageRowsMax} by default.`),
    cursor: z
      .string()
      .max(4_096)
      .optional()
      .describe("`next_cursor` of the page before; the question must be the same."),
  })
  .superRefine(findQuestionIssues);

/** The question of `GET /admin/usage/export`: all rows, by bucket and group. */
export const exportUsageInput = z
  .strictObject({
    group_by: usageQuestionShape.group_by,
    from: usageQuestionShape.from,
    to: usageQuestionShape.to,
    grain: usageQuestionShape.grain,
    timezone: usageQuestionShape.timezone,
    percentiles: usageQuestionShape.percentiles,
    ...usageFilterShape,
  })
  .superRefine(findQuestionIssues);

export type ExportUsageInput = z.output<typeof exportUsageInput>;

export type QueryUsageInput = z.output<typeof queryUsageInput>;

/** What the fields say together. */
function findQuestionIssues(
  input: { [name in "from" | "to"]?: Date | undefined } & {
    group_by?: readonly UsageGroup[] | undefined;
    public_id?: string | undefined;
    top?: number | undefined;
  },
  context: z.RefinementCtx,
): void {
  const report = (path: string, message: string) => context.addIssue({ code: "custom", path: [path], message });
  const { from, to, group_by: groups = [], public_id: publicId, top } = input;
  if (from !== undefined && to !== undefined && from >= to) report("from", "must be before `to`");
  if (groups.includes("client_network") && publicId === undefined) {
    report("group_by", "client_network is told for one key; name it in `public_id`");
  }
  if (top !== undefined && groups.length === 0) report("top", "needs groups; name them in `group_by`");
}
