import { z } from "zod";
import { usageFilterShape, wireMoment } from "./usage-question.ts";
import { wireDigits, wireInstantOut } from "./wire-types.ts";

const cursorShape = /^(\d{1,15})\.([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/;

/** Where a page of events ended: its last event. */
const wireEventCursor = z
  .string()
  .max(100)
  .transform((text, context): { atMs: number; id: string } => {
    const match = cursorShape.exec(text);
    if (match !== null) return { atMs: Number(match[1]), id: match[2] as string };
    context.addIssue({ code: "custom", message: "must be a next_cursor of an earlier answer" });
    return z.NEVER;
  });

export function makeEventCursor(event: { atMs: number; id: string }): string {
  return `${event.atMs}.${event.id}`;
}

const rangeShape = {
  from: wireMoment.optional().describe("Events of this instant and later."),
  to: wireMoment.optional().describe("Events before this instant."),
};

const isForward = (input: { from?: Date | undefined; to?: Date | undefined }) =>
  input.from === undefined || input.to === undefined || input.from < input.to;
const notForward = { path: ["from"], message: "must be before `to`" };

export const listEventsInput = z
  .strictObject({
    limit: wireDigits(1, 200).default(50).describe("How many events at most."),
    cursor: wireEventCursor.optional().describe("`next_cursor` of the page before."),
    ...rangeShape,
    ...usageFilterShape,
  })
  .refine(isForward, notForward);

/** The question of `GET /admin/events/export`. */
export const exportEventsInput = z.strictObject({ ...rangeShape, ...usageFilterShape }).refine(isForward, notForward);

export type ExportEventsInput = z.output<typeof exportEventsInput>;

/** The question of `GET /admin/events/stream`. */
export const streamEventsInput = z.strictObject(usageFilterShape);
export type StreamEventsInput = z.output<typeof streamEventsInput>;

/** One call. Money is a decimal string in USD; times are milliseconds. */
export const eventView = z.object({
  id: z.string(),
  at: wireInstantOut,
  public_id: z.string(),
  owner_id: z.string().nullable(),
  key_tags: z.record(z.string(), z.string()),
  request_tags: z.record(z.string(), z.string()),
  model: z.string(),
  provider: z.string(),
  endpoint: z.string(),
  status: z.number().describe("What the client was answered; 499 where it left before the end."),
  code: z.string().nullable().describe("Why it failed; null on success."),
  stream: z.boolean(),
  attempts: z.number(),
  usage_source: z.enum(["reported", "estimated", "reserved"]),
  input_tokens: z.number(),
  cached_input_tokens: z.number(),
  cache_write_tokens: z.number(),
  hour_cache_write_tokens: z.number().describe("Of `cache_write_tokens`, those that are kept for an hour."),
  output_tokens: z.number(),
  reasoning_tokens: z.number(),
  input_audio_tokens: z.number(),
  output_audio_tokens: z.number(),
  cost_usd: z.string().nullable().describe("Null where the model has no price."),
  reserved_usd: z.string().describe("What was held for it before."),
  price_id: z.string(),
  latency_ms: z.number(),
  first_token_ms: z.number().nullable(),
  bytes_in: z.number(),
  bytes_out: z.number(),
  client_ip: z.string(),
  origin: z.string().nullable(),
});
export type EventView = z.infer<typeof eventView>;

export const eventList = z.object({ events: z.array(eventView), next_cursor: z.string().nullable() });
