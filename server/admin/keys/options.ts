import { z } from "zod";
import { keyTypes } from "../../core/api-key.ts";
import { keyOptions } from "../../core/key-figures-schema.ts";
import { makeProcedure } from "../trpc.ts";

export const getKeyOptions = makeProcedure("admin:keys", { member: true })
  .meta({
    openapi: {
      method: "GET",
      path: "/api-key-options",
      operationId: "getApiKeyOptions",
      summary: "What may be chosen when a key is made: types, permissions, models, expiry",
      tags: ["API keys"],
    },
  })
  .input(z.strictObject({}))
  .output(keyOptions)
  .query(({ ctx }) => {
    const { keys, permissions, models, shorthands } = ctx.config;
    return {
      types: keyTypes.map((name) => ({ name, prefix: keys.prefixes[name] })),
      permissions: [...permissions],
      models: [...models.keys()],
      model_prefixes: [...shorthands.keys()].map((type) => `${type}::`),
      expiry: {
        default_days: keys.expiryDaysDefault,
        max_days: keys.expiryDaysMax,
        may_be_never: keys.allowNoExpiry,
      },
    };
  });
