import { AppError } from "../../core/error.ts";
import { findCallerScope, type ProcedureContext } from "../context.ts";

/** @throws AppError `permission_denied` for a key that belongs to somebody. */
export function requireConfigAccess({ caller }: ProcedureContext): void {
  if (findCallerScope(caller).ownerId === null) return;
  throw new AppError("permission_denied", "The config is for admins, and for keys that belong to nobody.");
}
