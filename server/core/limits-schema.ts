import { z } from "zod";
import { publicIdSchema } from "./api-key-schema.ts";
import { budgetLevels } from "./budget.ts";
import { type BudgetAmounts, budgetAmountsView, makeBudgetAmountsView } from "./budget-view.ts";
import { formatUsd, type NanoUsd } from "./money.ts";
import { periodShape } from "./period.ts";
import { wireDigits, wireInstantOut, wireLine, wireTimezone, wireUsd } from "./wire-types.ts";

export const windowStates = ["open", "exhausted", "closed"] as const;
export type WindowState = (typeof windowStates)[number];

export const processStates = ["live", "silent", "closed"] as const;
export type ProcessState = (typeof processStates)[number];

/** A window as it is stored. */
export interface StoredBudgetWindow extends BudgetAmounts {
  id: string;
  level: (typeof budgetLevels)[number];
  subject: string;
  period: string;
  timezone: string;
  startsAt: Date;
  /** `null`: never. */
  endsAt: Date | null;
  limitNanoUsd: NanoUsd;
  /** By the database's clock, whether or not the job has marked it. */
  state: WindowState;
}

/** A process that leases, or leased. */
export interface StoredBudgetProcess {
  process: string;
  /** `silent`: not seen for a minute, by the database's clock. */
  state: ProcessState;
  startedAt: Date;
  seenAt: Date;
  silentAt: Date | null;
  closedAt: Date | null;
  heldNanoUsd: NanoUsd;
  /** Windows that it holds something of. */
  windows: number;
}

const windowIdMax = 2_000;
const windowId = wireLine(windowIdMax);
const limit = wireDigits(1, 200).default(50);

export const listWindowsInput = z.strictObject({
  limit: limit.describe("How many windows at most."),
  cursor: windowId.optional().describe("`next_cursor` of the page before."),
  level: z.enum(budgetLevels).optional().describe("Budgets of this level."),
  subject: wireLine(1_000)
    .optional()
    .describe("Budgets of this key (its public id), owner (its id) or tag (NAME=VALUE)."),
  state: z
    .enum(windowStates)
    .optional()
    .describe("open: money is left. exhausted: all is spent. closed: the period has ended."),
});

const windowReference = {
  window_id: windowId.optional().describe("The window, as the list names it."),
  public_id: publicIdSchema
    .optional()
    .describe("Instead of window_id: the key whose budget is meant, in its current period."),
  period: z
    .string()
    .regex(periodShape, "must be a period like 30d, day, week, month or total")
    .optional()
    .describe("With public_id, where the key has several budgets."),
  timezone: wireTimezone.optional().describe("With public_id, where two budgets differ in nothing else."),
};

interface WindowReference {
  window_id?: string | undefined;
  public_id?: string | undefined;
  period?: string | undefined;
  timezone?: string | undefined;
}

function checkReference(value: WindowReference, context: z.RefinementCtx): void {
  const { window_id: id, public_id: publicId, period, timezone } = value;
  if ((id === undefined) === (publicId === undefined)) {
    context.addIssue({ code: "custom", path: ["window_id"], message: "must be given, or else public_id; never both" });
  } else if (id !== undefined && (period ?? timezone) !== undefined) {
    const path = [period === undefined ? "timezone" : "period"];
    context.addIssue({ code: "custom", path, message: "goes with public_id; a window_id says all" });
  }
}

export const topUpInput = z
  .strictObject({
    ...windowReference,
    amount_usd: wireUsd
      .refine((amount) => amount > 0n, "must be more than 0")
      .describe("What is added to the limit, for this period alone."),
  })
  .superRefine(checkReference);

export const resetInput = z.strictObject(windowReference).superRefine(checkReference);

export const windowView = z.object({
  window_id: z.string(),
  level: z.enum(budgetLevels),
  subject: z.string(),
  period: z.string(),
  timezone: z.string(),
  state: z.enum(windowStates),
  ...budgetAmountsView.shape,
  starts_at: wireInstantOut,
  resets_at: wireInstantOut.nullable().describe("When it begins anew; null for a budget that never does."),
});
export type WindowView = z.infer<typeof windowView>;

export const windowList = z.object({ windows: z.array(windowView), next_cursor: z.string().nullable() });

const process = z.string().regex(/^[0-9A-Za-z_.-]{1,64}$/, "must be the id of a process");

export const listProcessesInput = z.strictObject({
  limit: limit.describe("How many processes at most."),
  cursor: process.optional().describe("`next_cursor` of the page before."),
  state: z
    .enum(processStates)
    .optional()
    .describe("live; silent: not seen for a minute; closed: it has ended, or was written off."),
});

export const writeOffInput = z.strictObject({
  process: process.describe("The process, as the list names it."),
  force: z.boolean().optional().describe("Also one that was seen within the last minute. It ends at once."),
});

export const processView = z.object({
  process: z.string(),
  state: z.enum(processStates),
  started_at: wireInstantOut,
  seen_at: wireInstantOut,
  silent_at: wireInstantOut.nullable().describe("When the job reap-leases announced that it is silent."),
  closed_at: wireInstantOut.nullable(),
  held_usd: z.string().describe("What is leased to it and not settled."),
  windows: z.number().describe("Budget windows that it holds something of."),
});
export type ProcessView = z.infer<typeof processView>;

export const processList = z.object({ processes: z.array(processView), next_cursor: z.string().nullable() });

export const writeOffView = z.object({
  ...processView.shape,
  written_off_usd: z.string().describe("What it held, and what its budgets are charged now."),
});

/** Renders a window for the wire. */
export function makeWindowView(window: StoredBudgetWindow): WindowView {
  return {
    window_id: window.id,
    level: window.level,
    subject: window.subject,
    period: window.period,
    timezone: window.timezone,
    state: window.state,
    ...makeBudgetAmountsView(window.limitNanoUsd, window),
    starts_at: window.startsAt.toISOString(),
    resets_at: window.endsAt?.toISOString() ?? null,
  };
}

/** Renders a process for the wire. */
export function makeProcessView(value: StoredBudgetProcess): ProcessView {
  return {
    process: value.process,
    state: value.state,
    started_at: value.startedAt.toISOString(),
    seen_at: value.seenAt.toISOString(),
    silent_at: value.silentAt?.toISOString() ?? null,
    closed_at: value.closedAt?.toISOString() ?? null,
    held_usd: formatUsd(value.heldNanoUsd),
    windows: value.windows,
  };
}
