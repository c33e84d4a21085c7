import type { ApiKey, KeyType } from "./api-key.ts";
import { isExpired } from "./expiry.ts";

/** What a key's holder should do: give it a new secret, ask whether it is needed, give it a new secret for its new origins. */
export const keyAdvices = ["rotate", "unused", "origins_changed"] as const;
export type KeyAdvice = (typeof keyAdvices)[number];

/** Days after which a secret is old; a client key's is when its origins change. */
export const secretDaysMax: Readonly<Record<KeyType, number | null>> = {
  production: 90,
  development: 365,
  client: null,
};
/** Days without a call, from the last one or from creation. */
export const idleDaysMax = 90;

const dayMs = 86_400_000;

/** What to say of a key at `nowMs` (database time): nothing of one that is revoked or has ended. */
export function findKeyAdvice(
  key: Pick<ApiKey, "type" | "state" | "expiresAt" | "createdAt" | "rotatedAt" | "lastUsedAt" | "originsChangedAt">,
  nowMs: number,
): KeyAdvice[] {
  if ((key.state !== "active" && key.state !== "disabled") || isExpired(key.expiresAt, nowMs)) return [];
  const secretSince = key.rotatedAt ?? key.createdAt;
  const secretDays = secretDaysMax[key.type];
  const isOlder = (since: Date, days: number): boolean => since.getTime() < nowMs - days * dayMs;
  const advice: KeyAdvice[] = [];
  if (secretDays !== null && isOlder(secretSince, secretDays)) advice.push("rotate");
  if (isOlder(key.lastUsedAt ?? key.createdAt, idleDaysMax)) advice.push("unused");
  if (key.type === "client" && key.originsChangedAt !== null && key.originsChangedAt > secretSince) {
    advice.push("origins_changed");
  }
  return advice;
}
