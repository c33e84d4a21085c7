import { useQuery } from "@tanstack/react-query";
import { api } from "../../../app/api.ts";
import { type FormIssues, makeFormIssues } from "../../../app/form-issues.ts";
import { useSession } from "../../../app/session.ts";
import { formatCount } from "../../../format/count.ts";
import { Field, TextArea, TextInput } from "../../../ui/field.tsx";
import { Notice } from "../../../ui/notice.tsx";
import { BudgetFields } from "./budget-fields.tsx";
import { ExpiryField } from "./expiry-field.tsx";
import { type KeyDraft, type KeyType, makeAliasOf, makePreset, typePresets } from "./key-draft.ts";
import styles from "./key-form.module.css";
import { ModelPicker } from "./model-picker.tsx";
import { PermissionTree } from "./permission-tree.tsx";

/** What the form has a place for; messages at anything else stand above it. */
const fields = [
  "alias",
  "name",
  "description",
  "permissions",
  "models",
  "budgets",
  "rate_limits.requests_per_minute",
  "rate_limits.tokens_per_minute",
  "rate_limits.concurrent_requests",
  "max_output_tokens",
  "expires_at",
  "tags",
  "allowed_ips",
  "allowed_origins",
];

/** Everything of a key in one screen: to make one, or to change one. */
export function KeyForm({
  draft,
  onChange,
  error,
  isNew,
}: {
  draft: KeyDraft;
  onChange: (change: Partial<KeyDraft>) => void;
  /** What the call failed with. */
  error: unknown;
  isNew: boolean;
}) {
  const options = useQuery(api.keys.options.queryOptions({}, { staleTime: 300_000 })).data;
  const { plan } = useSession();
  const issues = makeFormIssues(error, fields);
  const known = [...(options?.models ?? []), ...(options?.model_prefixes ?? []).map((prefix) => `${prefix}*`)];
  const rate = (name: string): string | undefined => issues.find(`rate_limits.${name}`);
  return (
    <div className={styles["form"]}>
      {issues.rest !== undefined && (
        <Notice tone="bad" title={isNew ? "No key was made" : "Nothing was changed"}>
          <p>{issues.rest}</p>
        </Notice>
      )}
      {isNew && (
        <TypeChoice
          value={draft.type}
          prefixes={Object.fromEntries((options?.types ?? []).map(({ name, prefix }) => [name, prefix]))}
          onChange={(type) => onChange(makePreset(type, plan?.requests_per_minute ?? null))}
        />
      )}
      <div className={styles["pair"]}>
        <Field
          label="Alias"
          hint="Lower-case letters, digits and dashes, like prod-backend."
          error={issues.find("alias")}
        >
          {(control) => (
            <TextInput
              {...control}
              isMono
              autoFocus={isNew}
              placeholder="my-laptop"
              maxLength={64}
              value={draft.alias}
              onChange={(event) => onChange({ alias: event.target.value })}
              onBlur={() => onChange({ alias: makeAliasOf(draft.alias) })}
            />
          )}
        </Field>
        <ExpiryField draft={draft} onChange={onChange} policy={options?.expiry} error={issues.find("expires_at")} />
      </div>
      <BudgetFields
        budgets={draft.budgets}
        onChange={(budgets) => onChange({ budgets })}
        find={issues.find}
        ceilingUsd={plan?.budget_usd ?? null}
      />
      <fieldset className={styles["group"]}>
        <legend>
          Rates{" "}
          <small>
            {plan?.requests_per_minute == null
              ? "empty: no limit of the key's own"
              : `your plan: at most ${formatCount(plan.requests_per_minute)} requests per minute`}
          </small>
        </legend>
        <div className={styles["four"]}>
          <NumberField
            label="Requests per minute"
            value={draft.rpm}
            placeholder={plan?.requests_per_minute?.toString() ?? "no limit"}
            onChange={(rpm) => onChange({ rpm })}
            error={rate("requests_per_minute")}
          />
          <NumberField
            label="Tokens per minute"
            value={draft.tpm}
            placeholder="no limit"
            onChange={(tpm) => onChange({ tpm })}
            error={rate("tokens_per_minute")}
          />
          <NumberField
            label="Calls at once"
            value={draft.concurrent}
            placeholder="no limit"
            onChange={(concurrent) => onChange({ concurrent })}
            error={rate("concurrent_requests")}
          />
          <NumberField
            label="Output tokens per call"
            value={draft.maxOutputTokens}
            placeholder="as the model allows"
            onChange={(maxOutputTokens) => onChange({ maxOutputTokens })}
            error={issues.find("max_output_tokens")}
          />
        </div>
      </fieldset>
      <ModelPicker
        allModels={draft.allModels}
        models={draft.models}
        known={known}
        ceiling={plan === null || plan.models.includes("*") ? undefined : `your plan allows ${plan.models.join(", ")}`}
        error={issues.find("models")}
        onChange={onChange}
      />
      <PermissionTree
        catalogue={(options?.permissions ?? ["ai:inference"]).filter(
          (name) => plan === null || !/^(admin|keys):/.test(name),
        )}
        value={draft.permissions}
        onChange={(permissions) => onChange({ permissions })}
        error={issues.find("permissions")}
      />
      <PlaceFields draft={draft} onChange={onChange} issues={issues} />
    </div>
  );
}

/** Where the key may be used from, and what is said about it. */
function PlaceFields({
  draft,
  onChange,
  issues,
}: {
  draft: KeyDraft;
  onChange: (change: Partial<KeyDraft>) => void;
  issues: FormIssues;
}) {
  const isClient = draft.type === "client";
  const area = (name: "origins" | "ips" | "tags", placeholder: string) => (control: object) => (
    <TextArea
      {...control}
      isMono
      rows={2}
      placeholder={placeholder}
      value={draft[name]}
      onChange={(event) => onChange({ [name]: event.target.value })}
    />
  );
  return (
    <fieldset className={styles["group"]}>
      <legend>
        Places and tags <small>one a line</small>
      </legend>
      <div className={styles["pair"]}>
        <Field
          label="Origins of pages"
          note={isClient ? "needed for a client key" : "optional"}
          error={issues.find("allowed_origins")}
        >
          {area("origins", "https://app.example.com")}
        </Field>
        <Field label="Networks" note="optional" error={issues.find("allowed_ips")}>
          {area("ips", "10.0.0.0/8")}
        </Field>
        <Field label="Tags" note="optional" error={issues.find("tags")}>
          {area("tags", "customer=acme")}
        </Field>
        <Field label="What it is for" note="optional" error={issues.find("description")}>
          {(control) => (
            <TextArea
              {...control}
              rows={2}
              maxLength={2_000}
              value={draft.description}
              onChange={(event) => onChange({ description: event.target.value })}
            />
          )}
        </Field>
      </div>
    </fieldset>
  );
}

function TypeChoice({
  value,
  prefixes,
  onChange,
}: {
  value: KeyType;
  prefixes: Readonly<Record<string, string>>;
  onChange: (type: KeyType) => void;
}) {
  return (
    <div className={styles["types"]} role="radiogroup" aria-label="Type">
      {(Object.keys(typePresets) as KeyType[]).map((type) => (
        <label key={type} className={styles["type"]}>
          <input type="radio" name="key-type" checked={type === value} onChange={() => onChange(type)} />
          <span>
            <strong>{typePresets[type].label}</strong> <code>{prefixes[type]}</code>
          </span>
          {typePresets[type].text}
        </label>
      ))}
    </div>
  );
}

function NumberField({
  label,
  value,
  placeholder,
  onChange,
  error,
}: {
  label: string;
  value: string;
  placeholder: string;
  onChange: (value: string) => void;
  error: string | undefined;
}) {
  return (
    <Field label={label} error={error}>
      {(control) => (
        <TextInput
          {...control}
          inputMode="numeric"
          placeholder={placeholder}
          value={value}
          onChange={(event) => onChange(event.target.value.replace(/[^\d]/g, ""))}
        />
      )}
    </Field>
  );
}
