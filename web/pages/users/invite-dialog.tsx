import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../../app/api.ts";
import { makeFormIssues } from "../../app/form-issues.ts";
import { formatInstant } from "../../format/time.ts";
import { Button } from "../../ui/button.tsx";
import { CodeBlock } from "../../ui/code-block.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, Select, TextInput } from "../../ui/field.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { Notice } from "../../ui/notice.tsx";
import styles from "./users.module.css";

/** Makes a link with which one e-mail may sign up. The link is in one answer only, so it is shown once. */
export function InviteDialog({ plans, onClose }: { plans: readonly string[]; onClose: () => void }) {
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<"member" | "admin">("member");
  const [plan, setPlan] = useState(plans[0]);
  const invite = useMutation({
    mutationFn: () => client.users.invite.mutate({ email, role, ...(plan === undefined ? {} : { plan }) }),
  });
  const issues = makeFormIssues(invite.error, ["email", "role", "plan"]);
  if (invite.data !== undefined) {
    const { data } = invite;
    const link = `${location.origin}/sign-up?${new URLSearchParams({ invitation: data.invitation, email: data.email })}`;
    return (
      <Dialog
        isOpen
        onClose={onClose}
        title="Send this link"
        description={`${data.email} can sign up with it until ${formatInstant(data.expires_at)}.`}
        footer={
          <Button variant="primary" onClick={onClose}>
            I have sent it
          </Button>
        }
      >
        <div className={styles["form"]}>
          <CodeBlock label="invitation link" code={link} />
          <Notice tone="warn">
            <p>It is not shown again. Whoever has it can sign up as {data.role}.</p>
          </Notice>
        </div>
      </Dialog>
    );
  }
  return (
    <FormDialog
      title="Invite somebody"
      description="Makes a link that holds for a week."
      submit="Make the link"
      isBusy={invite.isPending}
      problem="No invitation was made"
      failure={issues.rest}
      onSubmit={() => invite.mutate()}
      onClose={onClose}
    >
      <Field label="E-mail" error={issues.find("email")}>
        {(control) => (
          <TextInput {...control} type="email" value={email} onChange={(event) => setEmail(event.target.value)} />
        )}
      </Field>
      <Field label="Role" error={issues.find("role")} hint="Admins see and change everything.">
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
      <Field label="Plan" error={issues.find("plan")} hint="Holds for members.">
        {(control) => (
          <Select
            {...control}
            value={plan}
            onChange={(event) => setPlan(event.target.value)}
            options={plans.map((name) => [name, name] as const)}
          />
        )}
      </Field>
    </FormDialog>
  );
}
