import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../app/api.ts";
import { makeFormIssues } from "../../app/form-issues.ts";
import { Button } from "../../ui/button.tsx";
import { Field, TextInput } from "../../ui/field.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { Icon } from "../../ui/icon.tsx";
import { Segments } from "../../ui/segments.tsx";
import { showToast } from "../../ui/toast.tsx";
import { LimitPreview } from "./limit-preview.tsx";
import { LimitRow } from "./limit-row.tsx";
import { type RuleView, type ScopeField, scopeNames } from "./limit-words.ts";
import styles from "./limits.module.css";
import { refreshLimits } from "./refresh-limits.ts";
import {
  type LimitDraft,
  makeLimitDraft,
  makeRuleDraft,
  makeRuleInput,
  nameLimit,
  type RuleDraft,
} from "./rule-draft.ts";
import { makeScopeDraft, type ScopeDraft } from "./scope-draft.ts";
import { ScopeRow } from "./scope-row.tsx";

const scopeFields = Object.keys(scopeNames) as ScopeField[];
const scopesMax = 16;

/** Makes a rate rule, or changes one; tells before which keys it touches. */
export function RuleDialog({ rule, onClose }: { rule: RuleView | null; onClose: () => void }) {
  const [draft, setDraft] = useState(() => makeRuleDraft(rule));
  const set = (change: Partial<RuleDraft>): void => setDraft((kept) => ({ ...kept, ...change }));
  const input = makeRuleInput(draft);
  const save = useMutation({
    mutationFn: () =>
      rule === null ? client.rules.create.mutate(input) : client.rules.update.mutate({ rule_id: rule.id, ...input }),
    async onSuccess() {
      showToast(`The rule is ${rule === null ? "added" : "changed"}. It holds within a second.`);
      onClose();
      await refreshLimits();
    },
  });
  const { find, rest } = makeFormIssues(save.error, ["priority", "always", "limits", "scope"]);
  const { limits, scopes } = draft;
  const names = limits.map(nameLimit);
  const isTwice = (index: number): boolean => names.indexOf(names[index] ?? "") !== index;
  const setLimit = (id: number, change: Partial<LimitDraft>): void =>
    set({ limits: limits.map((one) => (one.id === id ? { ...one, ...change } : one)) });
  const setScope = (id: number, change: Partial<ScopeDraft>): void =>
    set({ scopes: scopes.map((one) => (one.id === id ? { ...one, ...change } : one)) });
  // A message about the list itself, not about one of its rows.
  const noLimit = limits.length === 0 ? find("limits") : undefined;
  return (
    <FormDialog
      isWide
      title={rule === null ? "Add a rate rule" : "Edit a rate rule"}
      description="It holds on every gateway within a second. Calls beyond it are refused with 429."
      submit={rule === null ? "Add rule" : "Save"}
      isDisabled={names.some((_, index) => isTwice(index))}
      isBusy={save.isPending}
      problem={rule === null ? "No rule was added" : "Nothing was changed"}
      failure={rest}
      onSubmit={() => save.mutate()}
      onClose={onClose}
    >
      <fieldset className={styles["group"]}>
        <legend>
          Limits <small>a sliding window, or a bucket that refills</small>
        </legend>
        {noLimit !== undefined && (
          <p className={styles["error"]} role="alert">
            {noLimit}
          </p>
        )}
        {limits.map((limit, index) => (
          <LimitRow
            key={limit.id}
            limit={limit}
            error={isTwice(index) ? "stands above already; one of a kind" : find(`limits.${nameLimit(limit)}`)}
            onChange={(change) => setLimit(limit.id, change)}
            onRemove={() => set({ limits: limits.filter(({ id }) => id !== limit.id) })}
          />
        ))}
        <div>
          <Button
            size="small"
            variant="ghost"
            onClick={() => set({ limits: [...limits, makeLimitDraft("tokens_per_minute", "")] })}
          >
            <Icon name="plus" size={12} /> Add a limit
          </Button>
        </div>
      </fieldset>
      <fieldset className={styles["group"]}>
        <legend>
          Holds for <small>{scopes.length === 0 ? "every call" : "calls that match all of these"}</small>
        </legend>
        {scopes.map((scope, index) => (
          <ScopeRow
            key={scope.id}
            scope={scope}
            fields={scopeFields}
            matches={["value", "each", "total"]}
            error={find(`scope[${index}]`)}
            onChange={(change) => setScope(scope.id, change)}
          >
            <Button
              variant="ghost"
              isIcon
              aria-label={`Remove condition ${index + 1}`}
              onClick={() => set({ scopes: scopes.filter(({ id }) => id !== scope.id) })}
            >
              <Icon name="close" size={14} />
            </Button>
          </ScopeRow>
        ))}
        <div>
          <Button
            size="small"
            variant="ghost"
            disabled={scopes.length >= scopesMax}
            onClick={() => set({ scopes: [...scopes, makeScopeDraft({ model: "" })] })}
          >
            <Icon name="plus" size={12} /> Add a condition
          </Button>
        </div>
      </fieldset>
      <fieldset className={styles["group"]}>
        <legend>
          Rank{" "}
          <small>
            {draft.isAlways
              ? "holds beside whatever else holds"
              : "of the rules with a priority that match a call, the highest hold"}
          </small>
        </legend>
        <div className={styles["rank"]}>
          <Segments
            label="Rank"
            value={draft.isAlways ? "always" : "priority"}
            onChange={(rank) => set({ isAlways: rank === "always" })}
            options={[
              ["always", "Always"],
              ["priority", "By priority"],
            ]}
          />
          {!draft.isAlways && (
            <Field label="Priority" error={find("priority")}>
              {(control) => (
                <TextInput
                  {...control}
                  inputMode="numeric"
                  value={draft.priority}
                  onChange={(event) => set({ priority: event.target.value })}
                />
              )}
            </Field>
          )}
        </div>
      </fieldset>
      <LimitPreview
        input={{ rule: input, ...(rule === null ? {} : { replaces: rule.id }) }}
        scopes={input.scope ?? []}
      />
    </FormDialog>
  );
}
