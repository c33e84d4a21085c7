import { findUsage, type UsageGroupSum, type UsageSum } from "../../../db/queries/find-usage.ts";
import { AppError } from "../../core/error.ts";
import { formatUsd } from "../../core/money.ts";
import {
  queryUsageInput,
  type UsageGroup,
  type UsageRow,
  type UsageTotals,
  usageAnswer,
  usageGroups,
} from "../../core/usage-schema.ts";
import { findCallerScope } from "../context.ts";
import { makeValidationError } from "../refusal.ts";
import { makeProcedure } from "../trpc.ts";

const rangeDefaultMs = 30 * 86_400_000;
const rowsMax = 10_000;

export const queryUsage = makeProcedure("admin:usage")
  .meta({
    openapi: {
      method: "GET",
      path: "/usage",
      operationId: "queryUsage",
      summary: "Usage by any groups, exact and current",
      tags: ["Usage"],
      refusals: [404],
    },
  })
  .input(queryUsageInput)
  .output(usageAnswer)
  .query(async ({ ctx, input }) => {
    const to = input.to ?? new Date(Math.ceil(ctx.clock.nowMs()) + 1);
    const from = input.from ?? new Date(to.getTime() - rangeDefaultMs);
    if (from >= to) throw makeValidationError([{ path: "from", message: "must be before `to`" }]);
    const own = findCallerScope(ctx.caller).ownerId;
    if (own !== null && input.owner_id !== undefined && input.owner_id !== own) throw new AppError("not_found");
    const groups = input.group_by ?? [];
    const grain = input.grain ?? null;
    const { public_id: publicId, model, provider, endpoint, tag: tags } = input;
    const { groups: sums, total } = await findUsage(ctx.database.sql, {
      filter: { from, to, publicId, ownerId: own ?? input.owner_id, model, provider, endpoint, tags },
      groups,
      grain,
      timezone: input.timezone ?? "UTC",
      rowsMax,
    });
    if (sums.length > rowsMax) {
      throw makeValidationError([
        { path: "group_by", message: `gives more than ${rowsMax} rows; ask for a shorter range or fewer groups` },
      ]);
    }
    return { rows: sums.map((sum) => makeRow(sum, groups)), totals: makeTotals(total) };
  });

function makeRow(sum: UsageGroupSum, groups: readonly UsageGroup[]): UsageRow {
  const row: UsageRow = makeTotals(sum);
  if (sum.bucket !== null) row.bucket = sum.bucket.toISOString();
  const values: Record<string, string | number | null> = {};
  for (const [index, group] of groups.entries()) {
    const value = sum.values[index] ?? null;
    values[findField(group)] = group === "status" ? Number(value) : value;
  }
  return Object.assign(row, values);
}

function findField(group: UsageGroup): string {
  return Object.hasOwn(usageGroups, group) ? usageGroups[group as keyof typeof usageGroups] : group;
}

function makeTotals(sum: UsageSum): UsageTotals {
  return {
    requests: sum.requests,
    errors: sum.errors,
    error_rate: sum.requests === 0 ? 0 : sum.errors / sum.requests,
    input_tokens: sum.inputTokens,
    cached_input_tokens: sum.cachedInputTokens,
    cache_write_tokens: sum.cacheWriteTokens,
    output_tokens: sum.outputTokens,
    reasoning_tokens: sum.reasoningTokens,
    cost_usd: formatUsd(sum.costNanoUsd),
    unpriced_requests: sum.unpricedRequests,
    bytes_in: sum.bytesIn,
    bytes_out: sum.bytesOut,
    latency_ms: makePercentiles(sum.latencyMs),
    first_token_ms: makePercentiles(sum.firstTokenMs),
    first_used_at: sum.firstUsedAt?.toISOString() ?? null,
    last_used_at: sum.lastUsedAt?.toISOString() ?? null,
  };
}

function makePercentiles(values: readonly number[] | null) {
  const [p50 = null, p95 = null, p99 = null] = values ?? [];
  return { p50, p95, p99 };
}
