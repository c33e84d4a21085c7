import { z } from "zod";
import { wireInstantOut } from "./wire-types.ts";

/**
 * Why two books differ. `lost` and `doubled`: calls are missing, or there too often. `wrong_price`: the same calls, another cost.
 * `wrong_period`: the same calls, in other hours. `rollup_drift`: other sums, quantiles or times of the same calls.
 * `budget_drift`: what a budget says was spent.
 */
export const reconcileCauses = [
  "lost",
  "doubled",
  "wrong_price",
  "wrong_period",
  "rollup_drift",
  "budget_drift",
] as const;
export type ReconcileCause = (typeof reconcileCauses)[number];

/** Which book is at fault: raw events against their batch, hours, days, days by key, budgets. */
export const reconcileBooks = ["ledger", "hour", "day", "day_key", "budget"] as const;
export type ReconcileBook = (typeof reconcileBooks)[number];

const figures = z.object({
  requests: z.number().nullable(),
  cost_usd: z.string().nullable(),
});

const reconcileDifference = z.object({
  book: z.enum(reconcileBooks),
  cause: z.enum(reconcileCauses),
  at: wireInstantOut.nullable().describe("The hour or day; of a batch its first event, of a budget its begin."),
  object: z.string().describe("The series, key, batch (`part:ID`) or budget window."),
  fields: z.array(z.string()).describe("What differs."),
  expected: figures,
  found: figures,
  repaired: z.boolean(),
});

export const reconcileReport = z.object({
  from: wireInstantOut,
  to: wireInstantOut,
  clean: z.boolean(),
  checked: z.object({
    parts: z.number(),
    hours: z.number(),
    days: z.number(),
    windows: z.number(),
    windows_too_old: z.number().describe("Budget windows that began before the oldest raw event that is kept."),
  }),
  by_cause: z.record(z.enum(reconcileCauses), z.number()),
  found: z.number(),
  repaired: z.number(),
  differences: z.array(reconcileDifference).describe("The first 2,000."),
});
export type ReconcileReport = z.infer<typeof reconcileReport>;

export const reconcileInput = z.strictObject({
  days: z
    .int("must be a whole number of days")
    .min(1, "must be at least 1")
    .max(3_650, "must be at most 3650")
    .optional()
    .describe("How many days back; all whose raw events are kept by default."),
});
