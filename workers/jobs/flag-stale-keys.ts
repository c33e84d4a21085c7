import { findAdviceCounts } from "../../db/queries/find-advice-counts.ts";
import type { JobTools } from "../registry.ts";

/** Tells each week how many keys should be rotated or are not used. Which ones, the list of keys says at any time. */
export async function handleFlagStaleKeys({ context, logger }: JobTools): Promise<Record<string, number>> {
  const counts = await findAdviceCounts(context.database.sql);
  context.metrics.observeKeyAdvice(counts);
  logger.info({ event: "stale_keys", ...counts }, "Keys that should be rotated, are not used, or have other origins");
  return counts;
}
