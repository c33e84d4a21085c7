import type { CredentialEntry } from "../../../db/queries/provider-credentials.ts";
import type { CredentialView } from "../../core/credential-schema.ts";
import type { Config } from "../../platform/config.ts";
import { isUsing, listConfiguredProviders } from "./credential-uses.ts";

/** @param pins from {@link listPinCounts}. */
export function makeCredentialView(
  entry: CredentialEntry,
  config: Pick<Config, "models" | "shorthands">,
  pins: ReadonlyMap<string, number>,
): CredentialView {
  const users = listConfiguredProviders(config).filter(({ provider }) => isUsing(provider, entry.name));
  return {
    name: entry.name,
    description: entry.description,
    version: entry.version,
    encryption_version: entry.keyVersion,
    created_at: entry.createdAt.toISOString(),
    created_by: entry.createdBy,
    updated_at: entry.updatedAt.toISOString(),
    tested_at: entry.testedAt?.toISOString() ?? null,
    test_outcome: entry.testOutcome,
    used_by: { config: users.map(({ path }) => path), pinned_keys: pins.get(entry.name) ?? 0 },
  };
}
