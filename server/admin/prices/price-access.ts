import { AppError } from "../../core/error.ts";
import { findCallerScope, type ProcedureContext } from "../context.ts";
import { makeRandomText } from "../users/random-text.ts";

/** Each process holds all of them. */
export const pricesMax = 5_000;

/**
 * Prices hold for the keys of everybody. One that has a budget itself changes none: it could make its own calls cheap.
 *
 * @throws AppError `permission_denied` for a key that belongs to somebody, or that has a budget and wants to change one.
 */
export function requirePriceAccess({ caller }: ProcedureContext, changes: boolean): void {
  if (findCallerScope(caller).ownerId !== null) {
    throw new AppError("permission_denied", "Prices are for admins, and for keys that belong to nobody.");
  }
  if (changes && caller.kind === "key" && caller.key.budgets.length > 0) {
    throw new AppError("permission_denied", "A key that has a budget itself changes no price.");
  }
}

export function makePriceId(ctx: ProcedureContext): string {
  return `price_${makeRandomText(ctx.randomBytes, 20)}`;
}
