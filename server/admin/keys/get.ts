import { findApiKey } from "../../../db/queries/find-api-key.ts";
import { findBudgetAmounts } from "../../../db/queries/find-budget-amounts.ts";
import { findKeySpend, type KeySpend } from "../../../db/queries/find-key-spend.ts";
import { keyReference } from "../../core/api-key-schema.ts";
import { apiKeyDetail } from "../../core/api-key-view.ts";
import { makeBudgetViews } from "../../core/budget-view.ts";
import { AppError } from "../../core/error.ts";
import { makeKeyWindows } from "../../core/key-budgets.ts";
import { formatUsd } from "../../core/money.ts";
import { findCallerScope } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { findKeyView } from "./key-view.ts";

export const getKey = makeProcedure("admin:keys", { member: true })
  .meta({
    openapi: {
      method: "GET",
      path: "/api-keys/{public_id}",
      operationId: "getApiKey",
      summary: "One key, with what it used today and this month, and what is left of its budgets",
      tags: ["API keys"],
    },
  })
  .input(keyReference)
  .output(apiKeyDetail)
  .query(async ({ ctx, input }) => {
    const key = await findApiKey(ctx.database.sql, input.public_id, findCallerScope(ctx.caller));
    if (key === null) throw new AppError("not_found");
    const spend = await findKeySpend(ctx.database.sql, key.publicId);
    const nowMs = ctx.clock.nowMs();
    const ids = makeKeyWindows(key, nowMs).map(({ id }) => id);
    const amounts = await findBudgetAmounts(ctx.database.sql, ids);
    return {
      ...(await findKeyView(ctx, key)),
      budgets: makeBudgetViews(key, nowMs, amounts),
      usage: { day: makeSpendView(spend.day), month: makeSpendView(spend.month) },
    };
  });

function makeSpendView(spend: KeySpend) {
  const { since, requests, errors, costNanoUsd } = spend;
  return { since: since.toISOString(), requests, errors, cost_usd: formatUsd(costNanoUsd) };
}
