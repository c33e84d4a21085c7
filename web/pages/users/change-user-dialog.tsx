import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Outputs } from "../../app/api.ts";
import { makeFormIssues } from "../../app/form-issues.ts";
import { Field, Select } from "../../ui/field.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { showToast } from "../../ui/toast.tsx";
import { refreshUsers } from "./refresh-users.ts";

export type UserView = Outputs["users"]["list"]["users"][number];

/** Another role or plan. */
export function ChangeUserDialog({
  user,
  plans,
  onClose,
}: {
  user: UserView;
  plans: readonly string[];
  onClose: () => void;
}) {
  const [role, setRole] = useState(user.role);
  const [plan, setPlan] = useState(user.plan);
  const change = useMutation(
    api.users.update.mutationOptions({
      onSuccess: async ({ disabled_keys: disabled }) => {
        const names = disabled.map(({ alias }) => alias).join(", ");
        showToast(names === "" ? `${user.email} is changed.` : `${user.email} is changed. Disabled keys: ${names}.`);
        onClose();
        await refreshUsers();
      },
    }),
  );
  const issues = makeFormIssues(change.error, ["role", "plan"]);
  return (
    <FormDialog
      title={`Change ${user.name}`}
      description={user.email}
      submit="Save"
      isDisabled={role === user.role && plan === user.plan}
      isBusy={change.isPending}
      problem="Nothing was changed"
      failure={issues.rest}
      onSubmit={() =>
        change.mutate({
          user_id: user.id,
          ...(role === user.role ? {} : { role }),
          ...(plan === user.plan ? {} : { plan }),
        })
      }
      onClose={onClose}
    >
      <Field label="Role" error={issues.find("role")} hint="Another role ends all sessions of the user.">
        {(control) => (
          <Select
            {...control}
            value={role}
            onChange={(event) => setRole(event.target.value === "admin" ? "admin" : "member")}
            options={[
              ["member", "Member"],
              ["admin", "Admin"],
            ]}
          />
        )}
      </Field>
      <Field
        label="Plan"
        error={issues.find("plan")}
        hint="Keys beyond a smaller plan are disabled, those first that were unused for the longest."
      >
        {(control) => (
          <Select
            {...control}
            value={plan}
            onChange={(event) => setPlan(event.target.value)}
            // A plan that the config no longer has is still what the user is on.
            options={[...new Set([user.plan, ...plans])].map((name) => [name, name] as const)}
          />
        )}
      </Field>
    </FormDialog>
  );
}
