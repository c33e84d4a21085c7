import { AppError } from "../../server/core/error.ts";
import { CliFailure } from "./cli-io.ts";
import { exitFailed, listCauses } from "./exit.ts";
import type { AdminCaller } from "./system-caller.ts";

const hintsMax = 3;

/**
 * Does something to one key. Where there is no such key, the failure names those that may have been meant, as by an alias
 * in place of the public id.
 */
export async function runOnKey<T>(admin: AdminCaller, publicId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const refusal = listCauses(error).find((cause) => cause instanceof AppError)?.refusal;
    const isUnknown =
      refusal?.code === "not_found" || (refusal?.code === "validation_failed" && refusal.param === "public_id");
    if (!isUnknown) throw error;
    throw new CliFailure(exitFailed, await makeHint(admin, publicId));
  }
}

async function makeHint(admin: AdminCaller, publicId: string): Promise<string> {
  const unknown = `There is no key with the public id ${publicId}`;
  // A whole key that was pasted here is not repeated.
  const part = /_([0-9A-Za-z]{12})_/.exec(publicId)?.[1];
  if (part !== undefined) return `That is a whole key, not its public id, which is ${part}.`;
  const isSearchable = publicId.length > 0 && publicId.length <= 100;
  const near = isSearchable ? (await admin.keys.list({ q: publicId, limit: hintsMax })).api_keys : [];
  if (near.length === 0) return `${unknown}; \`tollgate keys list\` shows them all.`;
  const names = near.map((key) => `${key.public_id} (${key.alias})`);
  return `${unknown}; did you mean ${names.join(" or ")}?`;
}
