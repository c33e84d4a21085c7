import { z } from "zod";
import { type UsageGroup, usageFilterShape, usageQuestionShape } from "./usage-question.ts";

/** What a key may ask its own usage by: nothing that tells of the deployment or of other keys. */
const ownGroups: readonly UsageGroup[] = ["model", "endpoint", "status", "origin"];

const { group_by, from, to, timezone, compare } = usageQuestionShape;
const { model, endpoint, status } = usageFilterShape;

/** The question of `GET /v1/usage`; whose usage it is, is not asked. */
export const ownUsageInput = z.strictObject({
  group_by: group_by
    .superRefine((groups, context) => {
      const other = groups?.find((name) => !ownGroups.includes(name));
      if (other === undefined) return;
      const message = `${JSON.stringify(other)} is not one of ${ownGroups.join(", ")}`;
      context.addIssue({ code: "custom", message });
    })
    .describe(`A list of: ${ownGroups.join(", ")}, separated by commas.`),
  from,
  to,
  // Minutes are read from raw events; keys that live in browsers are many.
  grain: z.enum(["hour", "day"]).optional().describe("A row for each hour or day."),
  timezone,
  compare,
  model,
  endpoint,
  status,
});
export type OwnUsageInput = z.output<typeof ownUsageInput>;
