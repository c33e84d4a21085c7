import { z } from "zod";
import { periodShape } from "./period.ts";
import { wireTimezone, wireUsd } from "./wire-types.ts";

/** What a budget says on the wire and in the config file, whoever it is for. */
export const budgetFields = {
  limit_usd: wireUsd,
  period: z.string().regex(periodShape, "must be a number of days like 30d, or day, week, month, total"),
  timezone: wireTimezone.optional(),
};

/** Whether the timezone of a budget means something. */
export function hasFittingTimezone({ period, timezone }: { period: string; timezone?: string | undefined }): boolean {
  return timezone === undefined || period === "day" || period === "week" || period === "month";
}

/** What to say where it does not. */
export const unfitTimezoneText = "only day, week and month have a timezone";
