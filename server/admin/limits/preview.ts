import type { z } from "zod";
import { listLiveKeys } from "../../../db/queries/list-live-keys.ts";
import { loadLimitRules } from "../../../db/queries/load-limit-rules.ts";
import { parseBudgetRule } from "../../core/budget-rule.ts";
import { AppError } from "../../core/error.ts";
import { parseWireRule } from "../../core/limit-rule.ts";
import { limitPreview, previewLimitInput } from "../../core/limit-schema.ts";
import { makeBudgetEffect, makeRuleEffect, previewLimit } from "../../limits/preview-limit.ts";
import { makeConfigEntry, parseStoredRules } from "../../limits/stored-rules.ts";
import type { ProcedureContext } from "../context.ts";
import { makeProcedure } from "../trpc.ts";
import { makeConfigId, requireRuleAccess, requireStored } from "./rule-access.ts";

/** As many as lists look at. */
const keysMax = 20_000;
const pageSize = 1_000;

export const previewOneLimit = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/limits/preview",
      operationId: "previewLimit",
      summary: "Which keys a rate rule or a budget would hold for",
      description:
        "Changes nothing. Give a rule or a budget as it would be made, and with `replaces` the one that it takes the place of. Looks at the newest 20,000 keys that are neither revoked nor expired.",
      tags: ["Limits"],
      refusals: [404, 409],
    },
  })
  .input(previewLimitInput)
  .output(limitPreview)
  .query(async ({ ctx, input }) => {
    requireRuleAccess(ctx);
    const { effect, enforced } = await makeEffect(ctx, input);
    const found = await previewLimit(effect, listLiveKeys(ctx.database.sql, pageSize), keysMax);
    const listCounts = (counts: ReadonlyMap<string, number>) =>
      [...counts].map(([id, total]) => ({ id, keys_total: total })).sort((a, b) => b.keys_total - a.keys_total);
    return {
      keys_total: found.keysTotal,
      keys: found.keys.map(({ publicId, alias }) => ({ public_id: publicId, alias })),
      takes_over: listCounts(found.takesOver),
      yields_to: listCounts(found.yieldsTo),
      complete: found.isComplete,
      enforced,
    };
  });

async function makeEffect(ctx: ProcedureContext, { rule, budget, replaces }: z.output<typeof previewLimitInput>) {
  if (replaces !== undefined) requireStored(replaces);
  const { rateLimiting, budgets } = ctx.config;
  const { rules: rows } = await loadLimitRules(ctx.database.sql);
  const kind = rule === undefined ? "budget" : "rate";
  const replaced = rows.find(({ id }) => id === replaces);
  if (replaces !== undefined && replaced?.kind !== kind) throw new AppError("not_found");
  const stored = parseStoredRules(
    rows.filter(({ id }) => id !== replaces),
    // The gateway has said so when it read them.
    () => undefined,
  );
  if (rule !== undefined) {
    const configured = rateLimiting.rules.map((one, index) => [makeConfigId("rate", index), one] as const);
    const others = new Map([...configured, ...stored.rules]);
    const effect = makeRuleEffect(parseWireRule(rule), others, rateLimiting.trustRequestTags);
    return { effect, enforced: rateLimiting.enabled };
  }
  if (budget === undefined) throw new AppError("validation_failed");
  const configured = budgets.map((one, index) => [makeConfigId("budget", index), makeConfigEntry(one)] as const);
  const anchorMs = replaced?.createdAt.getTime() ?? ctx.clock.nowMs();
  const effect = makeBudgetEffect(
    { ...parseBudgetRule(budget), anchorMs },
    new Map([...configured, ...stored.budgets]),
  );
  return { effect, enforced: true };
}
