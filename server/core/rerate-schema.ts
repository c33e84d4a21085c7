import { z } from "zod";
import { modelNameLengthMax } from "./model-name.ts";
import { formatUsd, type NanoUsd } from "./money.ts";
import { wireDigits, wireInstant, wireInstantOut, wireLine } from "./wire-types.ts";

/** Raw events of a longer time are kept nowhere by default. */
export const rerateDaysMax = 400;

export const rerateInput = z.strictObject({
  from: wireInstant.describe("Events of this instant and later."),
  to: wireInstant.optional().describe("Events before this instant; now by default, and at most."),
  models: z
    .array(wireLine(modelNameLengthMax))
    .min(1)
    .max(1_000)
    .optional()
    .describe("Only of these models; all by default."),
  budgets: z
    .boolean()
    .default(false)
    .describe("Charge the difference to the budgets of the calls too, where their period goes on."),
  dry_run: z.boolean().default(false).describe("Change nothing; only tell what would change."),
});

export const rerateReference = z.strictObject({ run_id: wireDigits(1, 999_999_999).describe("The run's number.") });

export const listReratesInput = z.strictObject({
  limit: wireDigits(1, 200).default(50).describe("How many runs at most."),
  cursor: wireDigits(1, 999_999_999).optional().describe("`next_cursor` of the page before."),
});

export const rerateRunView = z.object({
  run_id: z.number(),
  state: z.enum(["running", "finished"]).describe("running: begun, or waiting for a worker."),
  actor: z.string(),
  from: wireInstantOut,
  to: wireInstantOut,
  models: z.array(z.string()).nullable(),
  budgets: z.boolean(),
  created_at: wireInstantOut,
  done_to: wireInstantOut.describe("Events before this instant are done."),
  events: z.number().describe("How many were adjusted."),
  delta_usd: z.string().describe("What they cost more now; negative: less."),
  finished_at: wireInstantOut.nullable(),
});
export type RerateRunView = z.infer<typeof rerateRunView>;

const reportRow = z.object({
  model: z.string(),
  public_id: z.string(),
  events: z.number().describe("Whose cost changes."),
  unpriced_events: z.number().describe("Of these the ones that had no cost."),
  old_cost_usd: z.string(),
  new_cost_usd: z.string(),
  delta_usd: z.string(),
});

export const rerateReport = z.object({
  rows: z.array(reportRow).describe("By model and key."),
  events: z.number(),
  delta_usd: z.string(),
  unpriced_events: z.number().describe("That have no price now either, and stay unpriced."),
  reserved_events: z.number().describe("Whose tokens nobody told; they stay at what was reserved."),
});
export type RerateReport = z.infer<typeof rerateReport>;

export const rerateAnswer = z.object({
  run: rerateRunView.nullable().describe("What a worker does now; null after a dry run."),
  report: rerateReport.nullable().describe("What would change; null unless it was a dry run."),
});

export const rerateList = z.object({ runs: z.array(rerateRunView), next_cursor: z.string().nullable() });

/** @param rows by model and key; nano-USD. */
export function makeRerateReport(
  rows: readonly {
    model: string;
    publicId: string;
    events: number;
    unpricedEvents: number;
    oldCostNanoUsd: NanoUsd;
    newCostNanoUsd: NanoUsd;
  }[],
  unpriced: number,
  reserved: number,
): RerateReport {
  const deltas = rows.map(({ oldCostNanoUsd, newCostNanoUsd }) => newCostNanoUsd - oldCostNanoUsd);
  return {
    rows: rows.map((row, index) => ({
      model: row.model,
      public_id: row.publicId,
      events: row.events,
      unpriced_events: row.unpricedEvents,
      old_cost_usd: formatUsd(row.oldCostNanoUsd),
      new_cost_usd: formatUsd(row.newCostNanoUsd),
      delta_usd: formatUsd(deltas[index] ?? 0n),
    })),
    events: rows.reduce((sum, { events }) => sum + events, 0),
    delta_usd: formatUsd(deltas.reduce((sum, delta) => sum + delta, 0n)),
    unpriced_events: unpriced,
    reserved_events: reserved,
  };
}
