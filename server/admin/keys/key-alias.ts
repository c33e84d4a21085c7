import { findFreeAlias } from "../../../db/queries/find-free-alias.ts";
import { makeAliasBase } from "../../core/alias.ts";
import type { ApiKey, PublicId } from "../../core/api-key.ts";
import type { AdminContext } from "../context.ts";

/** Creates that race for the numbers of one name; each round one of them wins at least. */
export const aliasAttempts = 5;

/**
 * From the name with a number where it is taken; from the public id where there is no name, or too many race for it.
 *
 * @param attempt from 1 on; beyond {@link aliasAttempts} the public id makes it unique.
 */
export function makeKeyAlias(
  ctx: AdminContext,
  key: Pick<ApiKey, "name" | "ownerId">,
  publicId: PublicId,
  attempt: number,
): Promise<string> | string {
  const base = key.name === null ? null : makeAliasBase(key.name);
  if (base !== null && attempt <= aliasAttempts) return findFreeAlias(ctx.database.sql, key.ownerId, base);
  // Ids of imported keys may have capitals; two that differ in nothing else are told apart by the attempt.
  const number = base === null && attempt > 1 ? `-${attempt}` : "";
  return `${base?.slice(0, 50) ?? "key"}-${publicId.toLowerCase()}${number}`.replace("--", "-");
}
