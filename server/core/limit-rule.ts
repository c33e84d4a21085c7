import { z } from "zod";
import { besideOthers, makeScopeFields, parseRuleScope, type RuleScope, ruleScopeSchema } from "./limit-scope.ts";
import { formatUsd, makeNanoCount, type NanoUsd } from "./money.ts";
import { parseRateName, type RateLimit, rateResources, rateWindows } from "./rate-limit.ts";
import { wireUsd } from "./wire-types.ts";

/** Limits that hold for the calls that all scopes match. Grammar: TensorZero's `[[rate_limiting.rules]]`, and more. */
export interface LimitRule {
  /** The highest among the rules that match a call wins; `null`: always, beside the winner. */
  priority: number | null;
  limits: readonly RateLimit[];
  /** All must match; none: every call matches. */
  scopes: readonly RuleScope[];
}

const scopesMax = 16;
const priorityMax = 1_000_000;

const count = z
  .number({ error: "a whole number" })
  .int({ error: "must be a whole number" })
  .min(0, { error: "must be 0 or more" })
  .max(1e12, { error: "must be at most 1000000000000" })
  .refine((value) => !Object.is(value, -0), "must not be -0");

/** Counters are plain numbers of nano-USD, which are exact up to here. */
const nanoMax = BigInt(Number.MAX_SAFE_INTEGER);
const usd = wireUsd.refine((nano) => nano <= nanoMax, "must be at most 9007199 USD");

const countAmount = z
  .union([count, z.strictObject({ capacity: count, refill_rate: count })], {
    error: "a whole number, 0 or more, or { capacity = …, refill_rate = … }",
  })
  .optional();
const usdAmount = z
  .union([usd, z.strictObject({ capacity: usd, refill_rate: usd })], {
    error: "an amount in USD, or { capacity = …, refill_rate = … }",
  })
  .optional();

type CountAmount = z.infer<typeof countAmount>;
type UsdAmount = z.infer<typeof usdAmount>;

/** `RESOURCE_per_WINDOW`: every name that a rule may limit. */
const rateNames = rateResources.flatMap((resource) =>
  rateWindows.map((window) => `${resource}_per_${window}` as const),
);
type RateName = (typeof rateNames)[number];
type CostName = Extract<RateName, `cost_per_${string}`>;
type LimitFields = { [Name in RateName]?: Name extends CostName ? UsdAmount : CountAmount };

// Not one list of both: to find their common type took the compiler a third of a second.
const limitFields = Object.fromEntries([
  ...rateNames.map((name): [string, unknown] => [name, countAmount]),
  ...rateNames.filter((name) => name.startsWith("cost_per_")).map((name): [string, unknown] => [name, usdAmount]),
]) as { [Name in RateName]: Name extends CostName ? typeof usdAmount : typeof countAmount };

const limitsSchema = z
  .strictObject(limitFields)
  .refine((limits) => Object.values(limits).some((amount) => amount !== undefined), {
    error: "must have at least one limit, like requests_per_minute",
    ...besideOthers,
  });

const priority = z
  .number({ error: "a whole number" })
  .int({ error: "must be a whole number" })
  .min(0, { error: "must be 0 or more" })
  .max(priorityMax, { error: `must be at most ${priorityMax}` })
  .refine((value) => !Object.is(value, -0), "must not be -0");
const scope = z.array(ruleScopeSchema).max(scopesMax);

function hasOneRank(rule: { priority?: unknown; always?: unknown }): boolean {
  return (rule.priority === undefined) === (rule.always === true);
}
const oneRank = { error: "must have either priority or always = true, one of the two", ...besideOthers };

/** A rule as the config file has it: its limits are keys of the rule itself. */
export const configRuleSchema = z
  .strictObject({
    priority: priority.optional(),
    always: z.boolean().optional(),
    scope: scope.default([]),
    ...limitFields,
  })
  .refine(hasOneRank, oneRank)
  .refine((rule) => rateNames.some((name) => rule[name] !== undefined), {
    error: "must have at least one limit, like requests_per_minute",
    ...besideOthers,
  });

/** A rule as the admin API has it: its limits are a table of their own. */
export const wireRuleFields = {
  priority: priority.optional().describe("The highest among the rules that match a call wins."),
  always: z.boolean().optional().describe("true, in place of a priority: holds beside the rules that win."),
  limits: limitsSchema.describe(
    "RESOURCE_per_WINDOW: a number is a sliding window, {capacity, refill_rate} a token bucket. Costs are in USD.",
  ),
  scope: scope.optional().describe("All must match; none: every call."),
};
export const wireRuleSchema = z.strictObject(wireRuleFields).refine(hasOneRank, oneRank);

/** What the wire shows of a rule. */
const amountView = z.union([
  z.number(),
  z.string(),
  z.object({ capacity: z.union([z.number(), z.string()]), refill_rate: z.union([z.number(), z.string()]) }),
]);
export const ruleViewFields = {
  priority: z.number().nullable(),
  always: z.boolean(),
  limits: z.record(z.string(), amountView).describe("Costs are decimal strings in USD."),
  scope: z.array(z.record(z.string(), z.string())),
};

/** Brings a rule of the config file that was checked into its form. */
export function parseConfigRule(rule: z.infer<typeof configRuleSchema>): LimitRule {
  return { priority: rule.priority ?? null, limits: parseLimits(rule), scopes: rule.scope.map(parseRuleScope) };
}

/** The same for a rule of the admin API. */
export function parseWireRule(rule: z.infer<typeof wireRuleSchema>): LimitRule {
  return {
    priority: rule.priority ?? null,
    limits: parseLimits(rule.limits),
    scopes: (rule.scope ?? []).map(parseRuleScope),
  };
}

function parseLimits(fields: LimitFields): RateLimit[] {
  return rateNames.flatMap((name): RateLimit[] => {
    const amount = fields[name];
    const parsed = parseRateName(name);
    if (parsed === null || amount === undefined) return [];
    const isBucket = typeof amount === "object";
    return [
      {
        name,
        ...parsed,
        limit: makeAmount(isBucket ? amount.capacity : amount),
        refill: isBucket ? makeAmount(amount.refill_rate) : null,
      },
    ];
  });
}

function makeAmount(amount: number | NanoUsd): number {
  return typeof amount === "bigint" ? makeNanoCount(amount) : amount;
}

/** A rule for the wire; {@link wireRuleSchema} reads it again (without `null` and `false`). */
export function makeRuleView(rule: LimitRule) {
  return {
    priority: rule.priority,
    always: rule.priority === null,
    limits: Object.fromEntries(rule.limits.map((limit) => [limit.name, makeAmountView(limit)])),
    scope: rule.scopes.map((one) => ({ ...makeScopeFields(one) }) as Record<string, string>),
  };
}

function makeAmountView({ resource, limit, refill }: RateLimit): z.infer<typeof amountView> {
  const write = (amount: number) => (resource === "cost" ? formatUsd(BigInt(amount)) : amount);
  return refill === null ? write(limit) : { capacity: write(limit), refill_rate: write(refill) };
}

/** The form in which a rule is stored, and which the admin API takes. */
export function makeWireRule(rule: LimitRule) {
  const { priority: rank, limits, scope: scopes } = makeRuleView(rule);
  return { ...(rank === null ? { always: true } : { priority: rank }), limits, scope: scopes };
}
