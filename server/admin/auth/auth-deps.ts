import type { Database } from "../../../db/client.ts";
import type { Clock } from "../../platform/clock.ts";
import type { Config } from "../../platform/config.ts";
import type { Logger } from "../../platform/logger.ts";

/** What signing in needs of the process. */
export interface AuthDeps {
  database: Database;
  clock: Clock;
  config: Config;
  logger: Logger;
}

/** The header in which we tell better-auth whom a request comes from; a client's own is never passed on. */
export const addressHeader = "x-tollgate-client-ip";

/** Likewise, what the answer tells in `x-request-id`. */
export const requestIdHeader = "x-tollgate-request-id";
