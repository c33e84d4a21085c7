import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../app/api.ts";
import { makeFormIssues } from "../../app/form-issues.ts";
import { Field, Select, TextInput } from "../../ui/field.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { showToast } from "../../ui/toast.tsx";
import { type AlertDraft, alertFields, makeAlertDraft, makeAlertInput } from "./alert-draft.ts";
import { ActionFields, ConditionFields, ScopeFields, TellFields } from "./alert-fields.tsx";
import { type AlertKind, type AlertRule, alertKinds } from "./alert-kinds.ts";
import { refreshAlerts } from "./refresh-alerts.ts";

function isKind(text: string): text is AlertKind {
  return Object.hasOwn(alertKinds, text);
}

/** Makes an alert rule, or changes one. */
export function AlertDialog({ rule, onClose }: { rule: AlertRule | null; onClose: () => void }) {
  const [draft, setDraft] = useState(() => makeAlertDraft(rule));
  const set = (change: Partial<AlertDraft>): void => setDraft((kept) => ({ ...kept, ...change }));
  const save = useMutation({
    mutationFn: () =>
      rule === null
        ? client.alerts.createRule.mutate({ kind: draft.kind, ...makeAlertInput(draft) })
        : client.alerts.updateRule.mutate({ rule_id: rule.id, ...makeAlertInput(draft) }),
    async onSuccess({ name }) {
      showToast(rule === null ? `${name} is looked at each minute from now on.` : `${name} is changed.`);
      onClose();
      await refreshAlerts();
    },
  });
  const { find, rest } = makeFormIssues(save.error, alertFields);
  const fields = { draft, set, find };
  return (
    <FormDialog
      isWide
      title={rule === null ? "Add an alert rule" : `Edit ${rule.name}`}
      description="It is looked at each minute. What it finds is one incident for as long as it holds."
      submit={rule === null ? "Add rule" : "Save"}
      isBusy={save.isPending}
      problem={rule === null ? "No rule was added" : "Nothing was changed"}
      failure={rest}
      onSubmit={() => save.mutate()}
      onClose={onClose}
    >
      <Field label="Name" error={find("name")}>
        {(control) => (
          <TextInput {...control} value={draft.name} onChange={(event) => set({ name: event.target.value })} />
        )}
      </Field>
      {rule === null && (
        <Field label="Look for" error={find("kind")}>
          {(control) => (
            <Select
              {...control}
              value={draft.kind}
              onChange={({ target }) => {
                if (isKind(target.value)) set({ kind: target.value, thresholds: "" });
              }}
              options={Object.entries(alertKinds).map(([kind, { label }]) => [kind, label] as const)}
            />
          )}
        </Field>
      )}
      <ConditionFields {...fields} />
      <ScopeFields {...fields} />
      <TellFields {...fields} />
      <ActionFields {...fields} />
    </FormDialog>
  );
}
