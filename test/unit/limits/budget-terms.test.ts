import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { budgetRuleSchema, parseBudgetRule } from "../../../server/core/budget-rule.ts";
import { listBudgetTerms } from "../../../server/limits/budget-terms.ts";

type Budget = z.input<typeof budgetRuleSchema> & { anchorMs?: number };

function termsOf(budgets: readonly Budget[], key: { ownerId?: string; tags?: Record<string, string> }) {
  const entries = budgets.map(({ anchorMs = 0, ...budget }) => ({
    ...parseBudgetRule(budgetRuleSchema.parse(budget)),
    anchorMs,
  }));
  const found = listBudgetTerms(entries, { ownerId: key.ownerId ?? null, tags: key.tags ?? {} }, 7);
  return found.map(({ level, subject, limitNanoUsd }) => `${level} ${subject} ${limitNanoUsd / 1_000_000_000n}`);
}

describe("budgets of a key's owner, tags and deployment", () => {
  it("those that hold for the key, each with its subject", () => {
    const budgets: Budget[] = [
      { limit_usd: 1, period: "month", scope: { owner_id: "tensorzero::each" } },
      { limit_usd: 2, period: "month", scope: { owner_id: "bob" } },
      { limit_usd: 3, period: "month", scope: { tag_key: "team", tag_value: "tensorzero::each" } },
      { limit_usd: 4, period: "month", scope: { tag_key: "toString", tag_value: "tensorzero::each" } },
      { limit_usd: 5, period: "month" },
    ];
    expect(termsOf(budgets, {})).toEqual(["deployment  5"]);
    expect(termsOf(budgets, { ownerId: "ada" })).toEqual(["owner ada 1", "deployment  5"]);
    expect(termsOf(budgets, { tags: { team: "x=y" } })).toEqual(["tag team=x=y 3", "deployment  5"]);
  });

  it("what names a subject wins over what is for each, whichever is more; of equals the smallest", () => {
    const each = { limit_usd: 1, period: "month", scope: { owner_id: "tensorzero::each" } };
    const named = { limit_usd: 9, period: "month", scope: { owner_id: "ada" } };
    expect(termsOf([each, named], { ownerId: "ada" })).toEqual(["owner ada 9"]);
    expect(termsOf([named, each], { ownerId: "ada" })).toEqual(["owner ada 9"]);
    expect(termsOf([named, { ...named, limit_usd: 3 }, each], { ownerId: "ada" })).toEqual(["owner ada 3"]);
  });

  it("another period, timezone or beginning is another budget beside it", () => {
    const base = { limit_usd: 1, scope: { owner_id: "ada" } };
    const budgets: Budget[] = [
      { ...base, period: "month" },
      { ...base, period: "month", timezone: "Asia/Kolkata" },
      { ...base, period: "30d" },
      { ...base, period: "30d", anchorMs: 5 },
      { ...base, period: "total" },
      { ...base, period: "total", anchorMs: 5 },
    ];
    expect(termsOf(budgets, { ownerId: "ada" })).toHaveLength(5);
  });
});
