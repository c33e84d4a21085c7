import { AppError } from "../../core/error.ts";
import { findCallerScope, type ProcedureContext } from "../context.ts";

/** Each gets a share of each run of the job: more would be a mistake, not a need. */
export const webhooksMax = 1_000;

/** Messages tell of the keys of everybody. @throws AppError `permission_denied` for a key that belongs to somebody. */
export function requireOperator({ caller }: ProcedureContext): void {
  if (findCallerScope(caller).ownerId === null) return;
  throw new AppError("permission_denied", "This is for admins, and for keys that belong to nobody.");
}
