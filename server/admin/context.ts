import type { Database } from "../../db/client.ts";
import type { KeyScope } from "../../db/queries/find-api-key.ts";
import type { ApiKey } from "../core/api-key.ts";
import type { RandomBytes } from "../core/key-format.ts";
import type { User } from "../core/user.ts";
import type { Clock } from "../platform/clock.ts";
import type { Config, ProviderConfig } from "../platform/config.ts";
import type { ConfigReloader } from "../platform/config-reloader.ts";
import type { Logger } from "../platform/logger.ts";

/** Who asks: somebody beside the database (the CLI, the first start), the bearer of a key, or a user who is signed in. */
export type Caller =
  | { kind: "system"; actor?: "cli" | "leak-report" }
  | { kind: "key"; key: ApiKey; ip: string }
  | { kind: "user"; user: User; sessionId: string; ip: string };

/** Where a call came from; empty texts where it did not come over the network. */
export interface CallOrigin {
  ip: string;
  /** What the answer tells in `x-request-id`. */
  requestId: string;
}

/** A provider to be tried with a stored credential. */
export interface ProviderProbe {
  /** As clients call it. */
  model: string;
  upstreamModel: string;
  provider: ProviderConfig;
  /** The credential to be used in place of the provider's own; `null`: its own. */
  pin: string | null;
}

/** What came of it; no text of the provider's. `status` is `null` where it gave no answer. */
export type ProbeProvider = (
  probe: ProviderProbe,
) => Promise<{ status: number | null; message: string; latencyMs: number }>;

/** What every admin surface gives to the procedures. */
export interface AdminContext {
  caller: Caller;
  origin: CallOrigin;
  database: Database;
  clock: Clock;
  config: Config;
  logger: Logger;
  randomBytes: RandomBytes;
  /** The gateway that runs here; absent on the command line. */
  gateway?: { process: string; reloader: ConfigReloader } | undefined;
  /** Absent where there is no way to a provider. */
  probeProvider?: ProbeProvider | undefined;
}

/** What every admin procedure gets. */
export interface ProcedureContext extends AdminContext {
  /** Name of the procedure, like `keys.create`; what the audit log calls the action. */
  action: string;
}

/** What stands in `created_by`. */
export function findCallerName(caller: Caller): string {
  if (caller.kind === "user") return `user:${caller.user.id}`;
  return caller.kind === "system" ? "system" : caller.key.publicId;
}

/**
 * A key that belongs to somebody sees that owner's objects only; one that belongs to nobody is an operator's. A member sees
 * his own, an admin everything.
 */
export function findCallerScope(caller: Caller): KeyScope {
  if (caller.kind === "user") return { ownerId: caller.user.role === "admin" ? null : caller.user.id };
  return { ownerId: caller.kind === "system" ? null : caller.key.ownerId };
}

/** Whether the caller is bound to no owner; a scanner's report is nobody's decision. */
export function isOperator(caller: Caller): boolean {
  return findCallerScope(caller).ownerId === null && !(caller.kind === "system" && caller.actor === "leak-report");
}

/** Whose a key is that is made without saying so. */
export function findCallerOwner(caller: Caller): string | null {
  return caller.kind === "user" ? caller.user.id : findCallerScope(caller).ownerId;
}

/** What stands in the audit log. */
export function findCallerActor(caller: Caller): string {
  if (caller.kind === "user") return `user:${caller.user.id}`;
  return caller.kind === "system" ? (caller.actor ?? "system") : `key:${caller.key.publicId}`;
}
