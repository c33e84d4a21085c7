import { findNowMs } from "../../../app/clock.ts";
import { Field, Select, TextInput } from "../../../ui/field.tsx";
import type { KeyDraft, KeyOptions } from "./key-draft.ts";

const dayMs = 86_400_000;
const choices = [7, 30, 90, 365];

/** When the key ends, within what this deployment allows. */
export function ExpiryField({
  draft,
  onChange,
  policy,
  error,
}: {
  draft: KeyDraft;
  onChange: (change: Partial<KeyDraft>) => void;
  /** `undefined` while it is not known. */
  policy: KeyOptions["expiry"] | undefined;
  error: string | undefined;
}) {
  const maxDays = policy?.max_days ?? 365;
  const days = [...new Set([...choices.filter((day) => day <= maxDays), policy?.default_days ?? 90])].sort(
    (a, b) => a - b,
  );
  const makeDay = (offsetDays: number): string => new Date(findNowMs() + offsetDays * dayMs).toISOString().slice(0, 10);
  return (
    <Field
      label="Expires"
      error={error}
      hint={policy === undefined ? undefined : `At most ${policy.max_days} days ahead.`}
    >
      {(control) => (
        <>
          <Select
            {...control}
            value={draft.expiry}
            onChange={(event) => onChange({ expiry: event.target.value })}
            options={[
              ...(draft.expiry === "keep" ? [["keep", "as it is"] as const] : []),
              ...days.map((day) => [String(day), day === 365 ? "in a year" : `in ${day} days`] as const),
              ["custom", "on a day …"],
              ...(policy?.may_be_never === true ? [["never", "never"] as const] : []),
            ]}
          />
          {draft.expiry === "custom" && (
            <TextInput
              type="date"
              aria-label="Last day, in UTC"
              min={makeDay(0)}
              max={makeDay(maxDays - 1)}
              value={draft.customExpiry}
              onChange={(event) => onChange({ customExpiry: event.target.value })}
            />
          )}
        </>
      )}
    </Field>
  );
}
