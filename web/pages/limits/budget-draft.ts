import type { Inputs } from "../../app/api.ts";
import type { BudgetView } from "./limit-words.ts";
import { makeScope, makeScopeDraft, type ScopeDraft } from "./scope-draft.ts";

/** Periods by their name on the wire; `days` stands for any number of them. */
export const periodOptions = [
  ["month", "calendar month"],
  ["week", "week, from Monday"],
  ["day", "day"],
  ["days", "a number of days"],
  ["total", "in all, never anew"],
] as const;
type PeriodOption = (typeof periodOptions)[number][0];

/** A budget for more than one key as it stands in the form. */
export interface BudgetDraft {
  limit: string;
  period: PeriodOption;
  days: string;
  timezone: string;
  isForAll: boolean;
  /** Where it is not for all. */
  scope: ScopeDraft;
}

/** @param budget `null`: one that is to be made. */
export function makeBudgetDraft(budget: BudgetView | null): BudgetDraft {
  const period = budget?.period ?? "month";
  const days = /^(\d+)d$/.exec(period)?.[1];
  return {
    limit: budget?.limit_usd ?? "",
    period: days === undefined ? (period as PeriodOption) : "days",
    days: days ?? "30",
    timezone: budget?.timezone ?? "UTC",
    isForAll: budget !== null && budget.scope === null,
    scope: makeScopeDraft(budget?.scope ?? { owner_id: "tensorzero::each" }),
  };
}

export function isCalendar(period: PeriodOption): boolean {
  return period === "month" || period === "week" || period === "day";
}

/** What the gateway is told. Mistakes are for the gateway to name. */
export function makeBudgetInput(draft: BudgetDraft): Inputs["budgets"]["create"] {
  const { limit, period, days, timezone, isForAll, scope } = draft;
  return {
    limit_usd: limit.trim(),
    period: period === "days" ? `${days.trim()}d` : period,
    ...(isCalendar(period) ? { timezone: timezone.trim() } : {}),
    ...(isForAll ? {} : { scope: makeScope(scope) }),
  };
}
