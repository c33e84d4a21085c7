import type { Database } from "../../db/client.ts";
import type { KeyScope } from "../../db/queries/find-api-key.ts";
import type { ApiKey } from "../core/api-key.ts";
import type { RandomBytes } from "../core/key-format.ts";
import type { Clock } from "../platform/clock.ts";
import type { Config } from "../platform/config.ts";
import type { Logger } from "../platform/logger.ts";

/** Who asks: somebody beside the database (the CLI, the first start), or the bearer of a key. */
export type Caller = { kind: "system"; actor?: "cli" } | { kind: "key"; key: ApiKey; ip: string };

/** Where a call came from; empty texts where it did not come over the network. */
export interface CallOrigin {
  ip: string;
  /** What the answer tells in `x-request-id`. */
  requestId: string;
}

/** What every admin surface gives to the procedures. */
export interface AdminContext {
  caller: Caller;
  origin: CallOrigin;
  database: Database;
  clock: Clock;
  config: Config;
  logger: Logger;
  randomBytes: RandomBytes;
}

/** What every admin procedure gets. */
export interface ProcedureContext extends AdminContext {
  /** Name of the procedure, like `keys.create`; what the audit log calls the action. */
  action: string;
}

/** What stands in `created_by`. */
export function findCallerName(caller: Caller): string {
  return caller.kind === "system" ? "system" : caller.key.publicId;
}

/** A key that belongs to somebody sees that owner's objects only; one that belongs to nobody is an operator's. */
export function findCallerScope(caller: Caller): KeyScope {
  return { ownerId: caller.kind === "system" ? null : caller.key.ownerId };
}

/** What stands in the audit log. */
export function findCallerActor(caller: Caller): string {
  return caller.kind === "system" ? (caller.actor ?? "system") : `key:${caller.key.publicId}`;
}
