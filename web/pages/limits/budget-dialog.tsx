import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../app/api.ts";
import { makeFormIssues } from "../../app/form-issues.ts";
import { Field, Select, TextInput } from "../../ui/field.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { Segments } from "../../ui/segments.tsx";
import { showToast } from "../../ui/toast.tsx";
import { type BudgetDraft, isCalendar, makeBudgetDraft, makeBudgetInput, periodOptions } from "./budget-draft.ts";
import { LimitPreview } from "./limit-preview.tsx";
import type { BudgetView } from "./limit-words.ts";
import styles from "./limits.module.css";
import { refreshLimits } from "./refresh-limits.ts";
import { ScopeRow } from "./scope-row.tsx";

/** Makes a budget for more than one key, or changes one; tells before which keys it touches. */
export function BudgetDialog({ budget, onClose }: { budget: BudgetView | null; onClose: () => void }) {
  const [draft, setDraft] = useState(() => makeBudgetDraft(budget));
  const set = (change: Partial<BudgetDraft>): void => setDraft((kept) => ({ ...kept, ...change }));
  const input = makeBudgetInput(draft);
  const save = useMutation({
    mutationFn: () =>
      budget === null
        ? client.budgets.create.mutate(input)
        : client.budgets.update.mutate({ budget_id: budget.id, ...input, scope: input.scope ?? null }),
    async onSuccess() {
      showToast(`The budget is ${budget === null ? "added" : "changed"}. It holds within a second.`);
      onClose();
      await refreshLimits();
    },
  });
  const { find, rest } = makeFormIssues(save.error, ["limit_usd", "period", "timezone", "scope"]);
  const { period, isForAll, scope } = draft;
  return (
    <FormDialog
      isWide
      title={budget === null ? "Add a budget" : "Edit a budget"}
      description="It holds on every gateway within a second. Calls that do not fit into it are refused."
      submit={budget === null ? "Add budget" : "Save"}
      isBusy={save.isPending}
      problem={budget === null ? "No budget was added" : "Nothing was changed"}
      failure={rest}
      onSubmit={() => save.mutate()}
      onClose={onClose}
    >
      <div className={styles["row"]}>
        <Field label="USD" error={find("limit_usd")}>
          {(control) => (
            <TextInput
              {...control}
              inputMode="decimal"
              placeholder="100"
              value={draft.limit}
              onChange={(event) => set({ limit: event.target.value })}
            />
          )}
        </Field>
        <Field label="Each" error={period === "days" ? undefined : find("period")}>
          {(control) => (
            <Select
              {...control}
              value={period}
              onChange={({ target }) => set({ period: target.value as BudgetDraft["period"] })}
              options={periodOptions}
            />
          )}
        </Field>
        {period === "days" && (
          <Field label="Days" error={find("period")}>
            {(control) => (
              <TextInput
                {...control}
                inputMode="numeric"
                value={draft.days}
                onChange={(event) => set({ days: event.target.value })}
              />
            )}
          </Field>
        )}
        {isCalendar(period) && (
          <Field label="Timezone" error={find("timezone")}>
            {(control) => (
              <TextInput
                {...control}
                placeholder="Europe/Berlin"
                value={draft.timezone}
                onChange={(event) => set({ timezone: event.target.value })}
              />
            )}
          </Field>
        )}
      </div>
      <fieldset className={styles["group"]}>
        <legend>
          Whose spend <small>{isForAll ? "every call of this gateway" : "calls of these keys"}</small>
        </legend>
        <div>
          <Segments
            label="Whose spend"
            value={isForAll ? "all" : "some"}
            onChange={(whose) => set({ isForAll: whose === "all" })}
            options={[
              ["some", "Of owners or tags"],
              ["all", "The whole deployment"],
            ]}
          />
        </div>
        {!isForAll && (
          <ScopeRow
            scope={scope}
            fields={["owner_id", "tag_key"]}
            matches={["each", "value"]}
            error={find("scope")}
            onChange={(change) => set({ scope: { ...scope, ...change } })}
          />
        )}
      </fieldset>
      <LimitPreview
        input={{ budget: input, ...(budget === null ? {} : { replaces: budget.id }) }}
        scopes={input.scope === undefined ? [] : [input.scope]}
      />
    </FormDialog>
  );
}
