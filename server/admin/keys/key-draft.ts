import { z } from "zod";
import type { NewApiKey } from "../../../db/queries/insert-api-key.ts";
import type { ApiKey, Budget } from "../../core/api-key.ts";
import type { CreateKeyInput } from "../../core/api-key-schema.ts";
import { clientKeyDefaults, findClientKeyProblems } from "../../core/client-key.ts";
import { makeExpiry } from "../../core/expiry.ts";
import type { InputIssue } from "../../core/input-issues.ts";
import { findGrantProblems, isGrant } from "../../core/permission.ts";
import { type AdminContext, findCallerName, findCallerOwner } from "../context.ts";
import { makeValidationError } from "../refusal.ts";

const sentPermissions = z.object({ permissions: z.array(z.string().refine(isGrant)) });

/** Permissions of an input that this deployment does not have, whatever else is wrong with the input. */
export function findPermissionIssues(input: unknown, ctx: Pick<AdminContext, "config">): InputIssue[] {
  const sent = sentPermissions.safeParse(input);
  return sent.success ? findGrantProblems(sent.data.permissions, ctx.config.permissions) : [];
}

/** A key that lacks only its names. */
export type KeyDraft = Omit<NewApiKey, "publicId" | "alias">;

/** From the wire's spelling. */
export function makeBudgets(budgets: NonNullable<CreateKeyInput["budgets"]>): Budget[] {
  return budgets.map(({ limit_usd, period, timezone }) => ({
    limitNanoUsd: limit_usd,
    period,
    ...(timezone === undefined ? {} : { timezone }),
  }));
}

/**
 * Fills in what was not said. Where a key makes the key, its own limits are the defaults: a plain create by a limited
 * key works, and gives as much as it may.
 *
 * @throws AppError `validation_failed`
 */
export function makeKeyDraft(ctx: AdminContext, input: CreateKeyInput): KeyDraft {
  const parent = ctx.caller.kind === "key" ? ctx.caller.key : null;
  const client = input.type === "client";
  const wanted = input.expires_at === undefined ? input.expiration : input.expires_at;
  const nowMs = ctx.clock.nowMs();
  const expiry = makeExpiry(wanted, nowMs, ctx.config.keys);
  const draft: KeyDraft = {
    name: input.name ?? null,
    description: input.description ?? null,
    type: input.type,
    state: "active",
    permissions: input.permissions ?? ["ai:inference"],
    models: input.models ?? parent?.models ?? ["*"],
    tags: { ...parent?.tags, ...input.tags },
    budgets: input.budgets === undefined ? (parent?.budgets ?? []) : makeBudgets(input.budgets),
    rateLimits: input.rate_limits ?? makeRateLimits(parent, client),
    maxOutputTokens: input.max_output_tokens === undefined ? makeOutputCap(parent, client) : input.max_output_tokens,
    expiresAt: "problem" in expiry ? null : expiry.expiresAt,
    allowedIps: input.allowed_ips ?? parent?.allowedIps ?? [],
    allowedOrigins: input.allowed_origins ?? parent?.allowedOrigins ?? [],
    ownerId: input.owner_id === undefined ? findCallerOwner(ctx.caller) : input.owner_id,
    providerCredentials: input.provider_credentials ?? parent?.providerCredentials ?? {},
    onDisconnect: input.on_disconnect ?? "drain",
    createdBy: findCallerName(ctx.caller),
  };
  const problems = [
    ...findGrantProblems(input.permissions ?? [], ctx.config.permissions),
    ...findClientKeyProblems(draft, ctx.config.permissions),
  ];
  if ("problem" in expiry) {
    problems.push({ path: input.expires_at === undefined ? "expiration" : "expires_at", message: expiry.problem });
  }
  if (problems.length > 0) throw makeValidationError(problems);
  if (
    wanted === undefined &&
    parent?.expiresAt != null &&
    draft.expiresAt !== null &&
    parent.expiresAt < draft.expiresAt
  ) {
    return { ...draft, expiresAt: parent.expiresAt };
  }
  return draft;
}

function makeRateLimits(parent: ApiKey | null, client: boolean): Readonly<Record<string, number>> {
  const own = parent?.rateLimits ?? {};
  if (!client) return own;
  const name = "requests_per_minute";
  return { ...own, [name]: Math.min(own[name] ?? Number.POSITIVE_INFINITY, clientKeyDefaults.rateLimits[name]) };
}

function makeOutputCap(parent: ApiKey | null, client: boolean): number | null {
  const own = parent?.maxOutputTokens ?? null;
  if (!client) return own;
  return Math.min(own ?? Number.POSITIVE_INFINITY, clientKeyDefaults.maxOutputTokens);
}
