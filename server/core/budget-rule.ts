import { z } from "zod";
import { budgetFields, hasFittingTimezone, unfitTimezoneText } from "./budget-schema.ts";
import { besideOthers } from "./limit-scope.ts";
import { formatUsd, type NanoUsd } from "./money.ts";
import { wireLine } from "./wire-types.ts";

/** A budget for more than one key: of an owner, of a key-bound tag, or of the whole deployment. */
export interface BudgetRule {
  limitNanoUsd: NanoUsd;
  /** `Nd`, `day`, `week`, `month` or `total`. */
  period: string;
  /** IANA name. */
  timezone: string;
  scope: BudgetScope;
}

/** `value` `null`: each owner, or each value of the tag, has the budget for itself. */
export type BudgetScope =
  | { level: "owner"; value: string | null }
  | { level: "tag"; tagKey: string; value: string | null }
  | { level: "deployment" };

const each = /^(?:tensorzero|tollgate)::each$/;
const value = wireLine(256, 0)
  .refine((text) => each.test(text) || !/^(?:tensorzero|tollgate)::/.test(text), {
    error: "must be a value or tensorzero::each",
  })
  .optional();

const scope = z
  .strictObject({ owner_id: value, tag_key: wireLine(64).optional(), tag_value: value })
  .refine((fields) => fields.owner_id === undefined || fields.tag_key === undefined, {
    error: "must name an owner or a tag, not both",
    ...besideOthers,
  })
  .refine((fields) => fields.owner_id !== undefined || fields.tag_key !== undefined || fields.tag_value !== undefined, {
    error: "must name owner_id, or tag_key and tag_value; for the whole deployment leave the scope out",
    ...besideOthers,
  })
  .refine((fields) => (fields.tag_key === undefined) === (fields.tag_value === undefined), {
    error: "must have both tag_key and tag_value, or neither",
    ...besideOthers,
  });

/** A budget of the config file and of the admin API. */
export const budgetRuleFields = {
  ...budgetFields,
  scope: scope
    .optional()
    .describe("Whose spend: an owner's, or that of keys with a key-bound tag. None: of the whole deployment."),
};
export const budgetRuleSchema = z
  .strictObject(budgetRuleFields)
  .refine((fields) => hasFittingTimezone(fields), { path: ["timezone"], error: unfitTimezoneText, ...besideOthers });

/** What the wire shows of a budget. */
export const budgetRuleViewFields = {
  limit_usd: z.string(),
  period: z.string(),
  timezone: z.string(),
  scope: z.record(z.string(), z.string()).nullable(),
};

/** Brings a budget that was checked into its form. */
export function parseBudgetRule(fields: z.infer<typeof budgetRuleSchema>): BudgetRule {
  const { limit_usd: limitNanoUsd, period, timezone = "UTC", scope: found } = fields;
  const read = (text = "") => (each.test(text) ? null : text);
  const parsed: BudgetScope =
    found?.owner_id !== undefined
      ? { level: "owner", value: read(found.owner_id) }
      : found?.tag_key !== undefined
        ? { level: "tag", tagKey: found.tag_key, value: read(found.tag_value) }
        : { level: "deployment" };
  return { limitNanoUsd, period, timezone, scope: parsed };
}

/** A budget for the wire. */
export function makeBudgetRuleView({ limitNanoUsd, period, timezone, scope: found }: BudgetRule) {
  const write = (text: string | null) => text ?? "tensorzero::each";
  const fields: Record<string, string> | null =
    found.level === "owner"
      ? { owner_id: write(found.value) }
      : found.level === "tag"
        ? { tag_key: found.tagKey, tag_value: write(found.value) }
        : null;
  return { limit_usd: formatUsd(limitNanoUsd), period, timezone, scope: fields };
}

/** The form in which a budget is stored, and which the admin API takes. */
export function makeWireBudget(rule: BudgetRule) {
  const { timezone, scope: found, ...rest } = makeBudgetRuleView(rule);
  return {
    ...rest,
    ...(/^(day|week|month)$/.test(rule.period) ? { timezone } : {}),
    ...(found === null ? {} : { scope: found }),
  };
}
