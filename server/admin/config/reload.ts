import { z } from "zod";
import { sendReload } from "../../../db/queries/key-notifications.ts";
import { reloadView } from "../../core/config-view-schema.ts";
import { AppError } from "../../core/error.ts";
import { ConfigError } from "../../platform/config-error.ts";
import type { ConfigReloader } from "../../platform/config-reloader.ts";
import { insertAudit } from "../audit/insert-audit.ts";
import { makeValidationError } from "../refusal.ts";
import { makeProcedure } from "../trpc.ts";
import { requireConfigAccess } from "./config-access.ts";

export const reloadConfig = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "POST",
      path: "/config/reload",
      operationId: "reloadConfig",
      summary: "Read the config file anew",
      description:
        "Applies models, limits, plans and prices, or refuses the whole file, names every mistake, and keeps what it had. Other sections hold once the process starts anew. Every other gateway is asked to read its own file too, and says in its log what came of it. SIGHUP does the same for one process.",
      tags: ["Config"],
      refusals: [409],
    },
  })
  .input(z.strictObject({}))
  .output(reloadView)
  .mutation(async ({ ctx }) => {
    requireConfigAccess(ctx);
    const { gateway } = ctx;
    if (gateway === undefined) {
      throw new AppError("conflict", "This is no gateway that runs. Send SIGHUP to one, or call its admin API.");
    }
    const { reload, apply } = readFile(gateway.reloader);
    const view = {
      config_hash_before: reload.hashBefore,
      config_hash: reload.hash,
      applied: reload.applied,
      needs_restart: reload.needsRestart,
    };
    await ctx.database.sql.begin(async (transaction) => {
      await sendReload(transaction, gateway.process);
      await insertAudit(ctx, transaction, {
        objectType: "config",
        objectId: gateway.process,
        ownerId: null,
        before: { config_hash: reload.hashBefore },
        after: view,
      });
    });
    apply();
    return view;
  });

/** @throws AppError `validation_failed` with every mistake of the file. */
function readFile(reloader: ConfigReloader): ReturnType<ConfigReloader["read"]> {
  try {
    return reloader.read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw makeValidationError(
      error.mistakes.map(({ path, found, allowed }) => ({ path, message: `${found}; ${allowed}` })),
    );
  }
}
