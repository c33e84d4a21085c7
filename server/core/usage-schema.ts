import { z } from "zod";
import { wireInstantOut } from "./wire-types.ts";

const percentiles = z.object({ p50: z.number().nullable(), p95: z.number().nullable(), p99: z.number().nullable() });

export const usageTotals = z.object({
  requests: z.number(),
  errors: z.number(),
  error_rate: z.number(),
  refusals: z.number().describe("Calls that were refused (401, 403, 429); they are no requests."),
  input_tokens: z.number(),
  cached_input_tokens: z.number(),
  cache_write_tokens: z.number(),
  output_tokens: z.number(),
  reasoning_tokens: z.number(),
  input_audio_tokens: z.number(),
  output_audio_tokens: z.number(),
  cost_usd: z.string(),
  unpriced_requests: z.number(),
  bytes_in: z.number(),
  bytes_out: z.number(),
  latency_ms: percentiles,
  first_token_ms: percentiles,
  first_used_at: wireInstantOut.nullable(),
  last_used_at: wireInstantOut.nullable(),
});
export type UsageTotals = z.infer<typeof usageTotals>;

/** A row holds its totals and the fields of the groups that were asked for; `tag:NAME` fields (text or null) have open names. */
export const usageRow = z
  .object({
    bucket: wireInstantOut.optional(),
    public_id: z.string().nullable().optional(),
    owner_id: z.string().nullable().optional(),
    model: z.string().nullable().optional(),
    provider: z.string().nullable().optional(),
    endpoint: z.string().nullable().optional(),
    status: z.number().nullable().optional(),
    origin: z.string().nullable().optional(),
    client_network: z.string().nullable().optional(),
    other: z.literal(true).optional().describe("All groups that are not among the `top`; their fields are null."),
    ...usageTotals.shape,
    previous: usageTotals.optional().describe("The same in the range before, where it was asked for."),
  })
  .catchall(z.unknown());
export type UsageRow = z.infer<typeof usageRow>;

const range = z.object({ from: wireInstantOut, to: wireInstantOut });

export const usageAnswer = z.object({
  rows: z.array(usageRow),
  totals: usageTotals.extend({ previous: usageTotals.optional() }),
  range: range.describe("What was asked about: `from` and `to`, with what they are by default."),
  previous_range: range.optional(),
  exact: z
    .boolean()
    .describe(
      "False where the range or a bucket begins within an hour whose raw events are gone; such an hour counts where it begins.",
    ),
  percentiles: z
    .boolean()
    .describe("False where they were not asked for, or where too much would have to be read for them."),
  next_cursor: z.string().nullable(),
});
export type UsageAnswer = z.infer<typeof usageAnswer>;
