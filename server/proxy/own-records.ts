import type { BudgetAmounts } from "../core/budget-view.ts";
import type { Refusal } from "../core/error.ts";
import type { OwnUsageInput } from "../core/own-usage-schema.ts";
import type { UsageAnswer } from "../core/usage-schema.ts";

/** What a key did in a period. Money is nano-USD. */
interface PeriodSpend {
  since: Date;
  requests: number;
  errors: number;
  costNanoUsd: bigint;
}

export interface OwnSpend {
  day: PeriodSpend;
  month: PeriodSpend;
  /** By window id; a window that nothing was lent from yet is not there. */
  windows: ReadonlyMap<string, BudgetAmounts>;
}

/**
 * What the ledger holds of one key, for that key itself. Questions are asked a few at a time, so that keys that live in
 * browsers cannot take the store's connections from everybody; who comes when too many wait is refused (503).
 */
export interface OwnRecords {
  /** @param windowIds of the key's own budgets. */
  loadSpend(publicId: string, windowIds: readonly string[]): Promise<OwnSpend | Refusal>;
  loadUsage(publicId: string, input: OwnUsageInput): Promise<UsageAnswer | Refusal>;
}
