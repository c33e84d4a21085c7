import { z } from "zod";
import { configView } from "../../core/config-view-schema.ts";
import { makeProcedure } from "../trpc.ts";
import { requireConfigAccess } from "./config-access.ts";
import { makeConfigView } from "./config-view.ts";

export const getConfig = makeProcedure("admin:keys")
  .meta({
    openapi: {
      method: "GET",
      path: "/config",
      operationId: "getConfig",
      summary: "The settings of the process that answers, as it read them; no secret",
      tags: ["Config"],
    },
  })
  .input(z.strictObject({}))
  .output(configView)
  .query(({ ctx }) => {
    requireConfigAccess(ctx);
    return makeConfigView(ctx.config, ctx.gateway?.reloader.appliedAtMs ?? null);
  });
