import type { BlockList } from "node:net";
import type { ApiKey } from "../core/api-key.ts";
import type { KeyBudgets } from "../core/budget-window.ts";
import { isModelAllowed } from "../core/model-allowlist.ts";
import { makeNetworkList } from "../core/network.ts";
import { type KeyLimits, makeKeyLimits } from "../core/rate-limit.ts";

/** A key as the hot path keeps it: the row, and what would be costly to work out for every request. */
export interface KnownKey {
  /** As it holds now: its owner and the owner's plan are worked into it. */
  readonly key: ApiKey;
  /** Allowlist of the owner's plan, which holds beside the key's own; `null`: no plan. */
  readonly planModels: readonly string[] | null;
  /** Milliseconds since 1970 by database time; Infinity where it never ends. The earlier of key and secret. */
  readonly expiresAtMs: number;
  /** Key-bound tags as JSON text, `""` where there are none. */
  readonly tagsJson: string;
  /** Stored credentials by provider; `null`: none is pinned. */
  readonly pins: Readonly<Record<string, string>> | null;
  /** `null`: any network. */
  readonly networks: BlockList | null;
  /** `null`: nothing is limited. */
  readonly limits: KeyLimits | null;
  /** Allowlist answers by model name; bounded by {@link modelAnswersMax}. */
  readonly modelAnswers: Map<string, boolean>;
  /** Monotonic milliseconds of the read that this entry comes from. */
  readonly loadedAtMs: number;
  /** Digest of the secret that was presented, where its uses are recorded: of keys that were rotated. */
  readonly secretDigest: string | null;
  /** Worked out when they are first needed. */
  budgets: KeyBudgets | null;
  /** Last use that was handed to be written, milliseconds since 1970. */
  touchedAtMs: number;
}

export const modelAnswersMax = 256;

/** Makes the hot path's form of a key that was read at `loadedAtMs` (monotonic) by one of its secrets. */
export function makeKnownKey(
  key: ApiKey,
  secret: { digest: string; retiresAt: Date | null; lastUsedAt: Date | null },
  loadedAtMs: number,
  planModels: readonly string[] | null = null,
): KnownKey {
  const isRotated = key.rotatedAt !== null;
  const end = key.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
  const secretEnd = secret.retiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
  return {
    key,
    planModels,
    expiresAtMs: Math.min(end, secretEnd),
    tagsJson: Object.keys(key.tags).length === 0 ? "" : JSON.stringify(key.tags),
    pins: Object.keys(key.providerCredentials).length === 0 ? null : key.providerCredentials,
    networks: key.allowedIps.length === 0 ? null : makeNetworkList(key.allowedIps),
    limits: makeKeyLimits(key.publicId, key.rateLimits),
    modelAnswers: new Map(),
    budgets: null,
    loadedAtMs,
    secretDigest: isRotated ? secret.digest : null,
    touchedAtMs: (isRotated ? secret.lastUsedAt : key.lastUsedAt)?.getTime() ?? 0,
  };
}

/** True where both the key and its owner's plan allow the model. */
export function isModelGranted(known: KnownKey, model: string): boolean {
  return (
    isModelAllowed(known.key.models, model) && (known.planModels === null || isModelAllowed(known.planModels, model))
  );
}

/** True where the key may be used from the address. `::ffff:a.b.c.d` is the IPv4 address that it stands for. */
export function isAddressAllowed(known: KnownKey, address: string): boolean {
  if (known.networks === null) return true;
  return known.networks.check(address, address.includes(":") ? "ipv6" : "ipv4");
}
