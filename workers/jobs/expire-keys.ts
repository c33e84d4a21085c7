import { expireKeys } from "../../db/queries/expire-keys.ts";
import type { JobTools } from "../registry.ts";

const batchRows = 500;

/** Marks keys whose time has passed. The clock alone already refuses them; this makes lists say so. */
export async function handleExpireKeys({ context, signal }: JobTools): Promise<{ expired: number }> {
  let expired = 0;
  for (let batch = batchRows; batch === batchRows; ) {
    signal.throwIfAborted();
    batch = await expireKeys(context.database.sql, batchRows);
    expired += batch;
  }
  return { expired };
}
