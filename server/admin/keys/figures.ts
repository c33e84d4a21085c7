import { findBudgetAmounts } from "../../../db/queries/find-budget-amounts.ts";
import { findUsage, type UsageGroupSum } from "../../../db/queries/find-usage.ts";
import { listKeysById } from "../../../db/queries/list-keys-by-id.ts";
import type { ApiKey } from "../../core/api-key.ts";
import { makeBudgetViews } from "../../core/budget-view.ts";
import { makeKeyWindows } from "../../core/key-budgets.ts";
import { figuresDays, keyFigures, keyFiguresInput } from "../../core/key-figures-schema.ts";
import { formatUsd } from "../../core/money.ts";
import { type AdminContext, findCallerScope } from "../context.ts";
import { makeProcedure } from "../trpc.ts";

const hourMs = 3_600_000;

/** Apart from the list, so that keys are seen at once however long the figures take. */
export const findKeyFigures = makeProcedure("admin:keys", { member: true })
  .meta({
    openapi: {
      method: "GET",
      path: "/api-key-figures",
      operationId: "findApiKeyFigures",
      summary: "What many keys did in 30 days, and how their budgets stand",
      tags: ["API keys"],
    },
  })
  .input(keyFiguresInput)
  .output(keyFigures)
  .query(async ({ ctx, input }) => {
    const nowMs = ctx.clock.nowMs();
    const sinceMs = Math.floor((nowMs - figuresDays * 24 * hourMs) / hourMs) * hourMs;
    const keys = await listKeysById(ctx.database.sql, input.public_ids, findCallerScope(ctx.caller));
    const windows = keys.flatMap((key) => makeKeyWindows(key, nowMs).map(({ id }) => id));
    const [amounts, sums] = await Promise.all([
      findBudgetAmounts(ctx.database.sql, windows),
      loadSums(ctx, keys, sinceMs, nowMs),
    ]);
    return {
      since: new Date(sinceMs).toISOString(),
      figures: keys.map((key) => {
        const sum = sums.get(key.publicId)?.sum;
        const requests = sum?.requests ?? 0;
        const errors = sum?.errors ?? 0;
        return {
          public_id: key.publicId,
          requests,
          errors,
          error_rate: requests === 0 ? 0 : errors / requests,
          cost_usd: formatUsd(sum?.cost_nano_usd ?? 0n),
          budgets: makeBudgetViews(key, nowMs, amounts),
        };
      }),
    };
  });

async function loadSums(
  ctx: AdminContext,
  keys: readonly ApiKey[],
  sinceMs: number,
  nowMs: number,
): Promise<Map<string, UsageGroupSum>> {
  if (keys.length === 0) return new Map();
  const { rows } = await findUsage(ctx.database.sql, {
    filter: { publicIds: keys.map(({ publicId }) => publicId) },
    groups: ["key"],
    starts: [sinceMs],
    // The clock of another process may be a little ahead.
    toMs: nowMs + hourMs,
    previousStarts: [],
    rawOnly: false,
    top: null,
    orderBy: null,
    ascending: false,
    percentiles: false,
    rawDays: ctx.config.usage.rawDays,
    limit: keys.length,
    after: null,
  });
  return new Map(rows.map((row) => [row.values[0] ?? "", row]));
}
