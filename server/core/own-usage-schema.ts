import { z } from "zod";
import { queryUsageInput, type UsageGroup } from "./usage-schema.ts";

/** What a key may ask its own usage by: nothing that tells of the deployment or of other keys. */
const ownGroups: readonly UsageGroup[] = ["model", "endpoint", "status", "origin"];

const { shape } = queryUsageInput;

/** The question of `GET /v1/usage`; whose usage it is, is not asked. */
export const ownUsageInput = z.strictObject({
  group_by: shape.group_by
    .superRefine((groups, context) => {
      const other = groups?.find((name) => !ownGroups.includes(name));
      if (other === undefined) return;
      const message = `${JSON.stringify(other)} is not one of ${ownGroups.join(", ")}`;
      context.addIssue({ code: "custom", message });
    })
    .describe(`A list of: ${ownGroups.join(", ")}, separated by commas.`),
  from: shape.from,
  to: shape.to,
  grain: shape.grain,
  timezone: shape.timezone,
  model: shape.model,
  endpoint: shape.endpoint,
});
export type OwnUsageInput = z.output<typeof ownUsageInput>;
