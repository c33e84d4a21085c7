import type postgres from "postgres";
import { findUsage, type UsageGroupSum, type UsageSum } from "../../../db/queries/find-usage.ts";
import { formatUsd } from "../../core/money.ts";
import {
  type QueryUsageInput,
  type UsageAnswer,
  type UsageGroup,
  type UsageRow,
  type UsageTotals,
  usageGroups,
} from "../../core/usage-schema.ts";
import { makeValidationError } from "../refusal.ts";

const rangeDefaultMs = 30 * 86_400_000;
const rowsMax = 10_000;

/**
 * Answers a question about usage, with nothing left out: whose usage may be asked for is for the caller to have settled.
 *
 * @param nowMs milliseconds since 1970 by database time.
 * @throws AppError `validation_failed`, and PostgreSQL's `query_canceled`.
 */
export async function loadUsage(sql: postgres.Sql, nowMs: number, input: QueryUsageInput): Promise<UsageAnswer> {
  const to = input.to ?? new Date(Math.ceil(nowMs) + 1);
  const from = input.from ?? new Date(to.getTime() - rangeDefaultMs);
  if (from >= to) throw makeValidationError([{ path: "from", message: "must be before `to`" }]);
  const groups = input.group_by ?? [];
  const { public_id: publicId, owner_id: ownerId, model, provider, endpoint, tag: tags } = input;
  const { groups: sums, total } = await findUsage(sql, {
    filter: { from, to, publicId, ownerId, model, provider, endpoint, tags },
    groups,
    grain: input.grain ?? null,
    timezone: input.timezone ?? "UTC",
    rowsMax,
  });
  if (sums.length > rowsMax) {
    throw makeValidationError([
      { path: "group_by", message: `gives more than ${rowsMax} rows; ask for a shorter range or fewer groups` },
    ]);
  }
  return { rows: sums.map((sum) => makeRow(sum, groups)), totals: makeTotals(total) };
}

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
