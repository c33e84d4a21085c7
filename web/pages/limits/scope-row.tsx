import type { ReactNode } from "react";
import { Field, Select, TextInput } from "../../ui/field.tsx";
import { type ScopeField, scopeNames } from "./limit-words.ts";
import styles from "./limits.module.css";
import type { ScopeDraft } from "./scope-draft.ts";

const hints: Readonly<Record<ScopeField, string>> = {
  api_key_public_id: "public id",
  owner_id: "owner id",
  tag_key: "value",
  model: "openai::gpt-*",
  client_ip: "203.0.113.7",
  origin: "https://app.example.com",
};

/** Whom a rule or a budget holds for: one thing of a call, and how its values are counted. */
export function ScopeRow({
  scope,
  onChange,
  fields,
  matches,
  error,
  children,
}: {
  scope: ScopeDraft;
  onChange: (change: Partial<ScopeDraft>) => void;
  fields: readonly ScopeField[];
  matches: readonly ScopeDraft["match"][];
  error: string | undefined;
  /** At the end of the row. */
  children?: ReactNode;
}) {
  const noun = scope.field === "tag_key" ? "value" : scopeNames[scope.field];
  const words = { value: `this ${noun}`, each: `each ${noun} for itself`, total: "all together" };
  return (
    <div className={styles["row"]}>
      <Field label="Calls by" error={error}>
        {(control) => (
          <Select
            {...control}
            value={scope.field}
            onChange={({ target }) => onChange({ field: target.value as ScopeField })}
            options={fields.map((field) => [field, scopeNames[field]] as const)}
          />
        )}
      </Field>
      {scope.field === "tag_key" && (
        <Field label="Tag">
          {(control) => (
            <TextInput
              {...control}
              placeholder="customer_id"
              value={scope.tagKey}
              onChange={(event) => onChange({ tagKey: event.target.value })}
            />
          )}
        </Field>
      )}
      <Field label="Counted">
        {(control) => (
          <Select
            {...control}
            value={scope.match}
            onChange={({ target }) => onChange({ match: target.value as ScopeDraft["match"] })}
            options={matches.map((match) => [match, words[match]] as const)}
          />
        )}
      </Field>
      {scope.match === "value" && (
        <Field label="Value">
          {(control) => (
            <TextInput
              {...control}
              placeholder={hints[scope.field]}
              value={scope.value}
              onChange={(event) => onChange({ value: event.target.value })}
            />
          )}
        </Field>
      )}
      {children}
    </div>
  );
}
