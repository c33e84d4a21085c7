import type { UsageGroupSum, UsageSum } from "../../../db/queries/find-usage.ts";
import { formatUsd } from "../../core/money.ts";
import { type UsageGroup, usageGroups } from "../../core/usage-question.ts";
import type { UsageRow, UsageTotals } from "../../core/usage-schema.ts";

export interface UsageViewSettings {
  groups: readonly UsageGroup[];
  /** Where buckets begin; `null` where none were asked for. */
  starts: readonly number[] | null;
  hasPrevious: boolean;
}

/** The name of a group's field in a row. */
export function findGroupField(group: UsageGroup): string {
  return Object.hasOwn(usageGroups, group) ? usageGroups[group as keyof typeof usageGroups] : group;
}

/** A row on the wire. */
export function makeUsageRow(found: UsageGroupSum, { groups, starts, hasPrevious }: UsageViewSettings): UsageRow {
  const row: UsageRow = makeUsageTotals(found.sum);
  if (starts !== null) row.bucket = new Date(starts[found.bucket] as number).toISOString();
  const values: Record<string, string | number | null> = {};
  for (const [index, group] of groups.entries()) {
    const value = found.values[index] ?? null;
    values[findGroupField(group)] = group === "status" && value !== null ? Number(value) : value;
  }
  if (found.isOther) row.other = true;
  if (hasPrevious) row.previous = makeUsageTotals(found.previous);
  return Object.assign(row, values);
}

export function makeUsageTotals(sum: UsageSum): UsageTotals {
  return {
    requests: sum.requests,
    errors: sum.errors,
    error_rate: sum.requests === 0 ? 0 : sum.errors / sum.requests,
    refusals: sum.refusals,
    input_tokens: sum.input_tokens,
    cached_input_tokens: sum.cached_input_tokens,
    cache_write_tokens: sum.cache_write_tokens,
    output_tokens: sum.output_tokens,
    reasoning_tokens: sum.reasoning_tokens,
    input_audio_tokens: sum.input_audio_tokens,
    output_audio_tokens: sum.output_audio_tokens,
    cost_usd: formatUsd(sum.cost_nano_usd),
    unpriced_requests: sum.unpriced_requests,
    bytes_in: sum.bytes_in,
    bytes_out: sum.bytes_out,
    latency_ms: makePercentiles(sum.percentiles?.latency),
    first_token_ms: makePercentiles(sum.percentiles?.firstToken),
    first_used_at: sum.firstAt?.toISOString() ?? null,
    last_used_at: sum.lastAt?.toISOString() ?? null,
  };
}

function makePercentiles(values: readonly number[] | null | undefined) {
  const [p50 = null, p95 = null, p99 = null] = values ?? [];
  return { p50, p95, p99 };
}
