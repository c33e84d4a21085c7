import type { ApiKeyChange } from "../../../db/queries/update-api-key.ts";
import type { ApiKey } from "../../core/api-key.ts";
import { type UpdateKeyInput, updateKeyInput } from "../../core/api-key-schema.ts";
import { apiKeyView } from "../../core/api-key-view.ts";
import { findClientKeyProblems } from "../../core/client-key.ts";
import { findExcessOfChange } from "../../core/delegation.ts";
import { AppError } from "../../core/error.ts";
import { isExpired, makeExpiry } from "../../core/expiry.ts";
import { findGrantProblems } from "../../core/permission.ts";
import { type AdminContext, isOperator } from "../context.ts";
import { makeValidationError } from "../refusal.ts";
import { makeProcedure } from "../trpc.ts";
import { findPermissionIssues, makeBudgets } from "./key-draft.ts";
import { findKeyView } from "./key-view.ts";
import { makeStateChange, requireVersion } from "./state-change.ts";
import { requireNoExcess, updateKey } from "./update-key.ts";

export const changeKey = makeProcedure("admin:keys", { member: true })
  .meta({
    findMoreIssues: findPermissionIssues,
    openapi: {
      method: "PATCH",
      path: "/api-keys/{public_id}",
      operationId: "updateApiKey",
      summary: "Change any property but the type",
      description: "With If-Match: VERSION, answers 409 where the key was changed since that version.",
      tags: ["API keys"],
    },
  })
  .input(updateKeyInput)
  .output(apiKeyView)
  .mutation(async ({ ctx, input }) => {
    const key = await updateKey(ctx, input.public_id, (current, nowMs) => {
      requireVersion(current, input.if_match);
      if (current.state === "revoked") throw new AppError("conflict", "The key is revoked; that is final.");
      const change = makeChange(ctx, current, input, nowMs);
      const enables = change.state === "active";
      requireNoExcess(ctx, (caller) => findExcessOfChange(caller, current, { ...current, ...change }, enables));
      return Object.keys(change).length === 0 ? null : change;
    });
    return findKeyView(ctx, key);
  });

/** The properties that were sent, in the spelling of the code. */
function makeChange(
  { caller, config }: AdminContext,
  current: ApiKey,
  input: UpdateKeyInput,
  nowMs: number,
): ApiKeyChange {
  const change: ApiKeyChange = {};
  if (input.alias !== undefined) change.alias = input.alias;
  if (input.name !== undefined) change.name = input.name;
  if (input.description !== undefined) change.description = input.description;
  if (input.permissions !== undefined) change.permissions = input.permissions;
  if (input.models !== undefined) change.models = input.models;
  if (input.tags !== undefined) change.tags = input.tags;
  if (input.budgets !== undefined) change.budgets = makeBudgets(input.budgets);
  if (input.rate_limits !== undefined) change.rateLimits = input.rate_limits;
  if (input.max_output_tokens !== undefined) change.maxOutputTokens = input.max_output_tokens;
  if (input.allowed_ips !== undefined) change.allowedIps = input.allowed_ips;
  if (input.allowed_origins !== undefined) change.allowedOrigins = input.allowed_origins;
  if (input.owner_id !== undefined) change.ownerId = input.owner_id;
  if (input.provider_credentials !== undefined) change.providerCredentials = input.provider_credentials;
  if (input.on_disconnect !== undefined) change.onDisconnect = input.on_disconnect;
  if (change.allowedOrigins !== undefined && !isSameList(change.allowedOrigins, current.allowedOrigins)) {
    change.originsChangedAt = new Date(nowMs);
  }
  const problems = [
    ...findGrantProblems(input.permissions ?? [], config.permissions),
    ...findClientKeyProblems({ ...current, ...change }, config.permissions),
  ];
  const wanted = input.expires_at === undefined ? input.expiration : input.expires_at;
  if (wanted !== undefined) {
    const expiry = makeExpiry(wanted, nowMs, config.keys);
    if ("problem" in expiry) {
      problems.push({ path: input.expires_at === undefined ? "expiration" : "expires_at", message: expiry.problem });
    } else {
      change.expiresAt = expiry.expiresAt;
      // A sweep has marked the row; a later end makes the key live again, but not one that an operator had disabled.
      if (current.state === "expired" && !isExpired(expiry.expiresAt, nowMs)) {
        change.state = current.operatorHold ? "disabled" : "active";
      }
    }
  }
  if (problems.length > 0) throw makeValidationError(problems);
  if (input.state === undefined) return change;
  return { ...change, ...makeStateChange({ ...current, ...change }, input.state, nowMs, isOperator(caller)) };
}

function isSameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item) => b.includes(item));
}
