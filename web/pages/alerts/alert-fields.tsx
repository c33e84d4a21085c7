import { useQuery } from "@tanstack/react-query";
import { api } from "../../app/api.ts";
import { Checkbox, Field, Select, TextInput } from "../../ui/field.tsx";
import type { AlertDraft } from "./alert-draft.ts";
import { alertKinds } from "./alert-kinds.ts";
import styles from "./alerts.module.css";

interface Fields {
  draft: AlertDraft;
  set: (change: Partial<AlertDraft>) => void;
  /** The message at a path on the wire. */
  find: (path: string) => string | undefined;
}

type TextField = {
  [Name in keyof AlertDraft]: string extends AlertDraft[Name] ? Name : never;
}[keyof AlertDraft];

/** One text of the draft. */
function DraftField({
  draft,
  set,
  name,
  label,
  error,
  hint,
  placeholder,
  isNumber = false,
}: Omit<Fields, "find"> & {
  name: TextField;
  label: string;
  error?: string | undefined;
  hint?: string;
  placeholder?: string;
  isNumber?: boolean;
}) {
  return (
    <Field label={label} error={error} hint={hint}>
      {(control) => (
        <TextInput
          {...control}
          {...(isNumber ? { inputMode: "decimal" as const } : {})}
          placeholder={placeholder}
          value={draft[name]}
          onChange={(event) => set({ [name]: event.target.value })}
        />
      )}
    </Field>
  );
}

/** From when on it tells. */
export function ConditionFields({ draft, set, find }: Fields) {
  const { thresholds, hasUsd, hasCount } = alertKinds[draft.kind];
  const isSpike = draft.kind === "spike";
  const isSpend = !isSpike || draft.measure === "spend";
  return (
    <div className={styles["pair"]}>
      {thresholds !== null && (
        <DraftField
          {...{ draft, set }}
          name="thresholds"
          label={thresholds}
          error={find("thresholds")}
          hint="Apart by commas."
          placeholder={draft.kind === "budget" ? "50, 80, 100" : "14, 3, 1"}
        />
      )}
      {isSpike && (
        <>
          <Field label="What is measured each hour" error={find("measure")}>
            {(control) => (
              <Select
                {...control}
                value={draft.measure}
                onChange={({ target: { value } }) =>
                  set({ measure: value === "requests" || value === "errors" ? value : "spend" })
                }
                options={[
                  ["spend", "Spend"],
                  ["requests", "Requests"],
                  ["errors", "Errors"],
                ]}
              />
            )}
          </Field>
          <DraftField
            {...{ draft, set }}
            name="sensitivity"
            label="Deviations above the usual"
            error={find("sensitivity")}
            placeholder="6"
            isNumber
          />
        </>
      )}
      {hasUsd && isSpend && (
        <DraftField
          {...{ draft, set }}
          name="minimumUsd"
          label="At least, in USD"
          error={find("minimum_usd")}
          placeholder={draft.kind === "debt" ? "0" : "1"}
          isNumber
        />
      )}
      {hasCount && !(isSpike && isSpend) && (
        <DraftField
          {...{ draft, set }}
          name="minimumCount"
          label="At least so many calls"
          error={find("minimum_count")}
          placeholder={isSpike ? (draft.measure === "requests" ? "100" : "20") : "1"}
          isNumber
        />
      )}
      <DraftField
        {...{ draft, set }}
        name="resolveAfter"
        label="Over after so many minutes without"
        error={find("resolve_after_minutes")}
        placeholder={
          draft.kind === "spike" || draft.kind === "rotated_secret" || draft.kind === "unpriced" ? "60" : "0"
        }
        isNumber
      />
    </div>
  );
}

/** Which keys it is about. */
export function ScopeFields({ draft, set, find }: Fields) {
  const error = find("scope");
  return (
    <fieldset className={styles["group"]}>
      <legend>
        Which keys <small>all of them where nothing is said</small>
      </legend>
      {error !== undefined && (
        <p className={styles["error"]} role="alert">
          {error}
        </p>
      )}
      <div className={styles["pair"]}>
        <DraftField {...{ draft, set }} name="publicId" label="Key id" placeholder="any" />
        <DraftField {...{ draft, set }} name="ownerId" label="Owner id" placeholder="any" />
        <DraftField {...{ draft, set }} name="tagKey" label="Tag" placeholder="any" />
        <DraftField {...{ draft, set }} name="tagValue" label="Value of the tag" />
      </div>
    </fieldset>
  );
}

/** Where it is told, and when not. */
export function TellFields({ draft, set, find }: Fields) {
  const list = useQuery(api.webhooks.list.queryOptions({}));
  const error = find("webhooks");
  const quietError = find("quiet_hours");
  const webhooks = list.data?.webhooks ?? [];
  return (
    <fieldset className={styles["group"]}>
      <legend>Tell</legend>
      {error !== undefined && (
        <p className={styles["error"]} role="alert">
          {error}
        </p>
      )}
      {list.isSuccess && webhooks.length === 0 && (
        <p className={styles["quiet"]}>There is no webhook yet: incidents show on this page only.</p>
      )}
      {webhooks.map(({ id, name, target, enabled }) => (
        <Checkbox
          key={id}
          label={
            <>
              {name} <small className={styles["quiet"]}>{enabled ? target : `${target}, disabled`}</small>
            </>
          }
          checked={draft.webhooks.includes(id)}
          onChange={({ target: { checked } }) =>
            set({ webhooks: checked ? [...draft.webhooks, id] : draft.webhooks.filter((each) => each !== id) })
          }
        />
      ))}
      <Checkbox
        label="Quiet hours: what still holds afterwards is told then"
        checked={draft.isQuiet}
        onChange={(event) => set({ isQuiet: event.target.checked })}
      />
      {quietError !== undefined && (
        <p className={styles["error"]} role="alert">
          {quietError}
        </p>
      )}
      {draft.isQuiet && (
        <div className={styles["pair"]}>
          <DraftField {...{ draft, set }} name="quietFrom" label="From" placeholder="22:00" />
          <DraftField {...{ draft, set }} name="quietTo" label="To" placeholder="07:00" />
          <DraftField {...{ draft, set }} name="quietZone" label="Time zone" placeholder="Europe/Berlin" />
        </div>
      )}
    </fieldset>
  );
}

/** What happens to the key at the highest threshold. */
export function ActionFields({ draft, set, find }: Fields) {
  if (!alertKinds[draft.kind].hasAction) return null;
  return (
    <div className={styles["pair"]}>
      <Field label="Also do to the key" error={find("action")} hint="At the highest threshold, once an incident.">
        {(control) => (
          <Select
            {...control}
            value={draft.action}
            onChange={({ target: { value } }) =>
              set({ action: value === "throttle" || value === "disable" ? value : "none" })
            }
            options={[
              ["none", "Nothing"],
              ["throttle", "Slow it down"],
              ["disable", "Disable it"],
            ]}
          />
        )}
      </Field>
      {draft.action === "throttle" && (
        <DraftField
          {...{ draft, set }}
          name="throttle"
          label="To requests a minute"
          error={find("throttle_requests_per_minute")}
          isNumber
        />
      )}
    </div>
  );
}
