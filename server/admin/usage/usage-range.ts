import type { UsageQuestion } from "../../../db/queries/find-usage.ts";
import { findPreviousRange, listBuckets } from "../../core/usage-buckets.ts";
import type { QueryUsageInput } from "../../core/usage-question.ts";
import { makeValidationError } from "../refusal.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const rangeDefaultMs = 30 * dayMs;
const minutesRangeMaxMs = dayMs;
const bucketsMax = 10_000;

interface Range {
  fromMs: number;
  toMs: number;
}

/** A question's range, cut into its buckets. */
export interface UsageRange extends Range {
  previous: Range | null;
  /** Where the buckets of rows begin, as they are shown. */
  bucketStarts: readonly number[];
  question: Pick<UsageQuestion, "filter" | "groups" | "starts" | "previousStarts" | "toMs" | "rawOnly">;
}

/**
 * Works out what a question leaves to its defaults.
 *
 * @param nowMs milliseconds since 1970 by database time.
 * @param fixed the range of an earlier page.
 * @throws AppError `validation_failed`.
 */
export function makeUsageRange(
  input: Omit<QueryUsageInput, "limit" | "cursor">,
  nowMs: number,
  fixed: Range | null = null,
): UsageRange {
  const { grain = null, timezone = "UTC", group_by: groups = [] } = input;
  // Whole hours: nothing has to be read event by event then.
  const toMs = fixed?.toMs ?? input.to?.getTime() ?? Math.floor(nowMs / hourMs) * hourMs + hourMs;
  const fromMs = fixed?.fromMs ?? input.from?.getTime() ?? Math.floor((toMs - rangeDefaultMs) / hourMs) * hourMs;
  if (fromMs >= toMs) throw makeValidationError([{ path: "from", message: "must be before `to`" }]);
  if (grain === "minute" && toMs - fromMs > minutesRangeMaxMs) {
    throw makeValidationError([
      { path: "grain", message: "minute is for a range of at most 24 hours; else hour or day" },
    ]);
  }
  const previous = input.compare === undefined ? null : findPreviousRange(timezone, fromMs, toMs);
  const bucketStarts = listBuckets(grain, timezone, fromMs, toMs, bucketsMax);
  const previousBuckets =
    previous === null ? [] : listBuckets(grain, timezone, previous.fromMs, previous.toMs, bucketsMax);
  if (bucketStarts === null || previousBuckets === null) {
    throw makeValidationError([
      { path: "grain", message: `gives more than ${bucketsMax} buckets; ask for a shorter range or a coarser grain` },
    ]);
  }
  const { public_id: publicId, owner_id: ownerId, model, provider, endpoint, status, code, origin, tag: tags } = input;
  return {
    fromMs,
    toMs,
    previous,
    bucketStarts,
    question: {
      filter: { publicId, ownerId, model, provider, endpoint, status, code, origin, tags },
      groups,
      starts: [fromMs, ...bucketStarts.slice(1)],
      previousStarts: previous === null ? [] : [previous.fromMs, ...previousBuckets.slice(1)],
      toMs,
      rawOnly: grain === "minute" || groups.includes("client_network"),
    },
  };
}
