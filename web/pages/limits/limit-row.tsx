import { Button } from "../../ui/button.tsx";
import { Field, Select, TextInput } from "../../ui/field.tsx";
import { Icon } from "../../ui/icon.tsx";
import { type RateWindow, type Resource, rateWindows, resourceNames } from "./limit-words.ts";
import styles from "./limits.module.css";
import type { LimitDraft } from "./rule-draft.ts";

/** How much of what in which time. */
export function LimitRow({
  limit,
  error,
  onChange,
  onRemove,
}: {
  limit: LimitDraft;
  error: string | undefined;
  onChange: (change: Partial<LimitDraft>) => void;
  onRemove: () => void;
}) {
  const { resource, window, isBucket, amount, refill } = limit;
  return (
    <div className={styles["row"]}>
      <Field label={isBucket ? "At once" : "At most"} error={error}>
        {(control) => (
          <TextInput
            {...control}
            inputMode="decimal"
            value={amount}
            onChange={(event) => onChange({ amount: event.target.value })}
          />
        )}
      </Field>
      <Field label="Of what">
        {(control) => (
          <Select
            {...control}
            value={resource}
            onChange={({ target }) => onChange({ resource: target.value as Resource })}
            options={Object.entries(resourceNames)}
          />
        )}
      </Field>
      {isBucket && (
        <Field label="Comes back">
          {(control) => (
            <TextInput
              {...control}
              inputMode="decimal"
              value={refill}
              onChange={(event) => onChange({ refill: event.target.value })}
            />
          )}
        </Field>
      )}
      <Field label="Per">
        {(control) => (
          <Select
            {...control}
            value={window}
            onChange={({ target }) => onChange({ window: target.value as RateWindow })}
            options={rateWindows.map((one) => [one, one === "month" ? "month (30 days)" : one] as const)}
          />
        )}
      </Field>
      <Field label="Kind">
        {(control) => (
          <Select
            {...control}
            value={isBucket ? "bucket" : "window"}
            onChange={({ target }) => onChange({ isBucket: target.value === "bucket" })}
            options={[
              ["window", "window"],
              ["bucket", "bucket"],
            ]}
          />
        )}
      </Field>
      <Button variant="ghost" isIcon aria-label={`Remove the limit of ${resourceNames[resource]}`} onClick={onRemove}>
        <Icon name="close" size={14} />
      </Button>
    </div>
  );
}
