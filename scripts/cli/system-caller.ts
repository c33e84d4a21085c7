import { randomBytes } from "node:crypto";
import { findDatabaseFacts } from "../../db/queries/find-database-facts.ts";
import type { ProbeProvider } from "../../server/admin/context.ts";
import { makeCaller } from "../../server/admin/router.ts";
import { CredentialVault } from "../../server/keys/credential-vault.ts";
import { openClock } from "../../server/platform/clock.ts";
import { openProviders } from "../../server/providers/registry.ts";
import { makeProbeProvider } from "../../server/proxy/probe-provider.ts";
import type { CliStore } from "./open-admin.ts";

/** Every admin procedure, as the system. */
export type AdminCaller = ReturnType<typeof makeCaller>;

/** Opens the admin procedures over a database; `close` leaves the database open. */
export async function openSystemCaller(store: CliStore): Promise<{ admin: AdminCaller; close(): Promise<void> }> {
  const { database, config, logger } = store;
  const clock = openClock();
  const sentAtMs = clock.monotonicMs();
  const { nowMs } = await findDatabaseFacts(database.sql);
  clock.setDatabaseTime(nowMs, sentAtMs, clock.monotonicMs());
  const providers = openProviders({ clock });
  const vault = new CredentialVault({ database, clock, logger, config });
  const probeProvider: ProbeProvider = (probe) => makeProbeProvider({ vault, providers, clock })(probe);
  const caller = { kind: "system" as const, actor: "cli" as const };
  const origin = { ip: "", requestId: "" };
  const admin = makeCaller({ caller, origin, database, clock, config, logger, randomBytes, probeProvider });
  return { admin, close: () => providers.close() };
}
