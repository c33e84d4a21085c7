import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Redis } from "ioredis";

/** From `server/limits/` in the source and from `dist/server/limits/` in a build alike: the folder is not compiled. */
function findLuaFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return join(here.replace(/[\\/]dist([\\/]server[\\/]limits)$/, "$1"), "lua");
}

/** A script that Redis runs as one step, sent by its digest and whole only where Redis does not have it. */
export interface RedisScript {
  /** @throws what Redis answered, or that it is away. */
  run(redis: Redis, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
}

/** Loads a script and what stands in front of it. @param names files of `server/limits/lua`, joined in this order. */
export function loadRedisScript(...names: readonly string[]): RedisScript {
  const folder = findLuaFolder();
  const source = names.map((name) => readFileSync(join(folder, `${name}.lua`), "utf8")).join("\n");
  const digest = createHash("sha1").update(source).digest("hex");
  return {
    async run(redis, keys, args) {
      try {
        return await redis.evalsha(digest, keys.length, ...keys, ...args);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
        await redis.script("LOAD", source);
        return await redis.evalsha(digest, keys.length, ...keys, ...args);
      }
    },
  };
}
