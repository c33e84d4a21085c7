import type { Outputs } from "../../app/api.ts";
import { findDaysUntil, formatRelative } from "../../format/time.ts";
import { Badge, type Tone } from "../../ui/badge.tsx";

export type KeyView = Outputs["keys"]["list"]["api_keys"][number];

const expiringDays = 7;
const stateTones: Record<KeyView["state"], Tone> = {
  active: "good",
  disabled: "warn",
  revoked: "bad",
  expired: "neutral",
};
const adviceTexts: Record<KeyView["advice"][number], { label: string; title: string }> = {
  rotate: { label: "rotate", title: "Its secret is older than advised for keys of this type. Rotate it." },
  unused: { label: "stale", title: "Not used for 90 days. Revoke it if nobody needs it." },
  origins_changed: {
    label: "origins changed",
    title: "Its allowed origins changed after its secret was made. Rotate it.",
  },
};

export function StateBadge({ state }: { state: KeyView["state"] }) {
  return (
    <Badge tone={stateTones[state]} hasDot>
      {state}
    </Badge>
  );
}

/** Whether the old secret was used after the new one was made; told to the minute. */
export function isOldSecretUsed({
  rotation,
  rotated_at: rotatedAt,
}: Pick<KeyView, "rotation" | "rotated_at">): boolean {
  const usedAt = rotation?.old_secret_last_used_at;
  return usedAt != null && rotatedAt !== null && new Date(usedAt) > new Date(rotatedAt);
}

/** What a person should know of a key at once, besides its state. */
export function KeyBadges({ apiKey, isExhausted }: { apiKey: KeyView; isExhausted: boolean }) {
  const isLive = apiKey.state === "active" || apiKey.state === "disabled";
  const days = apiKey.expires_at === null ? null : findDaysUntil(apiKey.expires_at);
  const { rotation } = apiKey;
  return (
    <>
      {isExhausted && (
        <Badge tone="bad" title="Calls are refused with 429 until the budget begins anew or is raised.">
          budget exhausted
        </Badge>
      )}
      {isLive && days !== null && days > 0 && days <= expiringDays && apiKey.expires_at !== null && (
        <Badge tone="warn" title="Give it a later expiry, or make a new key.">
          expires {formatRelative(apiKey.expires_at)}
        </Badge>
      )}
      {isLive && rotation !== null && (
        <Badge
          tone={isOldSecretUsed(apiKey) ? "warn" : "accent"}
          title={`The old secret works until ${rotation.old_secret_ends_at}.`}
        >
          {isOldSecretUsed(apiKey) ? "old secret in use" : "old secret works"}
        </Badge>
      )}
      {isLive &&
        apiKey.advice.map((advice) => (
          <Badge key={advice} tone="warn" title={adviceTexts[advice].title}>
            {adviceTexts[advice].label}
          </Badge>
        ))}
    </>
  );
}
