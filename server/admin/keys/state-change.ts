import type { ApiKey, KeyState } from "../../core/api-key.ts";
import { findEffectiveState } from "../../core/api-key-view.ts";
import { AppError } from "../../core/error.ts";

/** @throws AppError `conflict` where the caller decided on another version than this one. */
export function requireVersion(key: ApiKey, ifMatch: number | undefined): void {
  if (ifMatch === undefined || ifMatch === key.version) return;
  throw new AppError("conflict", `The key was changed in the meantime; its version is ${key.version}.`);
}

/**
 * Decides whether a key may go to a state. What an operator disabled stays so until an operator enables it, also when its
 * owner had disabled it before.
 *
 * @param byOperator see `isOperator`.
 * @returns the change, or `null` where the key is there already.
 * @throws AppError `conflict`: a revoked key stays so, and an expired one needs a new end first; `permission_denied` where
 * an operator disabled the key.
 */
export function makeStateChange(
  key: ApiKey,
  wanted: "active" | "disabled" | "revoked",
  nowMs: number,
  byOperator: boolean,
): { state: KeyState; operatorHold: boolean } | null {
  const operatorHold = wanted !== "active" && (key.operatorHold || (wanted === "disabled" && byOperator));
  if (key.state === wanted && key.operatorHold === operatorHold) return null;
  if (key.state === "revoked") throw new AppError("conflict", "The key is revoked; that is final.");
  if (wanted === "active" && key.operatorHold && !byOperator) {
    throw new AppError("permission_denied", "An operator disabled this key; only an operator enables it.");
  }
  if (wanted === "active" && findEffectiveState({ ...key, state: "active" }, nowMs) === "expired") {
    throw new AppError("conflict", "The key has expired; set a later expires_at first.");
  }
  return { state: wanted, operatorHold };
}
