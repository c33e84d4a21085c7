import { insertRerateRun } from "../../../db/queries/rerate-runs.ts";
import { makeRerateReport, rerateAnswer, rerateDaysMax, rerateInput } from "../../core/rerate-schema.ts";
import { loadReratePreview } from "../../limits/preview-rerate.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { findCallerActor } from "../context.ts";
import { requirePriceAccess } from "../prices/price-access.ts";
import { makeValidationError } from "../refusal.ts";
import { makeProcedure } from "../trpc.ts";
import { makeRerateRunView } from "./rerate-view.ts";

const dayMs = 86_400_000;

export const rerateUsage = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/usage/rerate",
      operationId: "rerateUsage",
      summary: "Bring the cost of past calls to the prices of now",
      description:
        "For calls of the range whose price is another one now, or that had none: adjustments beside the events, which never change. Workers do it in the background; a second run of the same prices adds nothing. With `dry_run` it only tells what would change, by model and key.",
      tags: ["Usage"],
    },
  })
  .input(rerateInput)
  .output(rerateAnswer)
  .mutation(async ({ ctx, input }) => {
    requirePriceAccess(ctx, !input.dry_run);
    const to = new Date(Math.min(input.to?.getTime() ?? Number.POSITIVE_INFINITY, Math.floor(ctx.clock.nowMs())));
    if (input.from >= to) throw makeValidationError([{ path: "from", message: "must be before `to`, and before now" }]);
    if (to.getTime() - input.from.getTime() > rerateDaysMax * dayMs) {
      throw makeValidationError([{ path: "from", message: `must be at most ${rerateDaysMax} days before \`to\`` }]);
    }
    const range = { from: input.from, to, models: input.models ?? null };
    const { sql } = ctx.database;
    if (input.dry_run) {
      const { sums, unpriced, reserved } = await loadReratePreview(sql, range, ctx.config, ctx.logger);
      return { run: null, report: makeRerateReport(sums, unpriced, reserved) };
    }
    return await sql.begin(async (transaction) => {
      const actor = findCallerActor(ctx.caller);
      const run = makeRerateRunView(
        await insertRerateRun(transaction, { ...range, actor, withBudgets: input.budgets }),
      );
      await insertAudit(ctx, transaction, {
        objectType: "rerate_run",
        objectId: String(run.run_id),
        ownerId: null,
        before: null,
        after: run,
      });
      return { run, report: null };
    });
  });
