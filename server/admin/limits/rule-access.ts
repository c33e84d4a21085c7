import type { LimitRuleKind } from "../../../db/queries/limit-rules.ts";
import { AppError } from "../../core/error.ts";
import { findCallerScope, type ProcedureContext } from "../context.ts";
import { makeRandomText } from "../users/random-text.ts";

/** Each is looked at once for every key: more would be a mistake, not a need. */
export const rulesMax = 1_000;

/** Rules hold for the keys of everybody. @throws AppError `permission_denied` for a key that belongs to somebody. */
export function requireRuleAccess({ caller }: ProcedureContext): void {
  if (findCallerScope(caller).ownerId === null) return;
  throw new AppError("permission_denied", "Limits for all are for admins, and for keys that belong to nobody.");
}

/** @throws AppError `conflict` for what the config file says. */
export function requireStored(id: string): void {
  if (!isConfigId(id)) return;
  throw new AppError("conflict", "This one is in the config file of the gateway and is changed there.");
}

/** Config entries are named by their place in the file. */
export function makeConfigId(kind: LimitRuleKind, index: number): string {
  return `${prefixOf(kind)}config${index}`;
}

/** The place in the file that an id names; -1 where it names none. */
export function parseConfigId(kind: LimitRuleKind, id: string): number {
  const match = /^(rule_|budget_)config(\d{1,4})$/.exec(id);
  return match?.[1] === prefixOf(kind) ? Number(match[2]) : -1;
}

function isConfigId(id: string): boolean {
  return /^(rule|budget)_config\d+$/.test(id);
}

/** Longer than any id of a config entry, so that the two never meet. */
export function makeRuleId(ctx: ProcedureContext, kind: LimitRuleKind): string {
  return `${prefixOf(kind)}${makeRandomText(ctx.randomBytes, 20)}`;
}

function prefixOf(kind: LimitRuleKind): string {
  return kind === "rate" ? "rule_" : "budget_";
}
