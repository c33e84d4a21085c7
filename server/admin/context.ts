import type { Database } from "../../db/client.ts";
import type { KeyScope } from "../../db/queries/find-api-key.ts";
import type { ApiKey } from "../core/api-key.ts";
import type { RandomBytes } from "../core/key-format.ts";
import type { Clock } from "../platform/clock.ts";
import type { Config } from "../platform/config.ts";
import type { Logger } from "../platform/logger.ts";

/** Who asks: somebody beside the database (the CLI, the first start), or the bearer of a key. */
export type Caller = { kind: "system" } | { kind: "key"; key: ApiKey; ip: string };

/** What every admin procedure gets. */
export interface AdminContext {
  caller: Caller;
  database: Database;
  clock: Clock;
  config: Config;
  logger: Logger;
  randomBytes: RandomBytes;
}

/** What stands in `created_by`. */
export function findCallerName(caller: Caller): string {
  return caller.kind === "system" ? "system" : caller.key.publicId;
}

/** A key that belongs to somebody sees that owner's objects only; one that belongs to nobody is an operator's. */
export function findCallerScope(caller: Caller): KeyScope {
  return { ownerId: caller.kind === "system" ? null : caller.key.ownerId };
}
