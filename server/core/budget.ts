import type { NanoUsd } from "./money.ts";

/** Whose spend a budget bounds. A call is charged to all budgets that hold for it, or refused by all. */
export const budgetLevels = ["key", "owner", "tag", "deployment"] as const;
export type BudgetLevel = (typeof budgetLevels)[number];

/** A budget as it holds for the calls of one key. */
export interface BudgetTerms {
  level: BudgetLevel;
  /** The public id, the owner's id, `NAME=VALUE` of a key-bound tag, or `""` for the deployment. */
  subject: string;
  limitNanoUsd: NanoUsd;
  /** `Nd` from `anchorMs`, `day`, `week`, `month` or `total`. */
  period: string;
  /** IANA name; of calendar periods. */
  timezone: string;
  /** Where periods of `Nd` begin to count, milliseconds since 1970: when the key, or the rule, was made. */
  anchorMs: number;
  /** Grows with each change of the terms, so that a process with old ones cannot bring them back. */
  version: number;
}
