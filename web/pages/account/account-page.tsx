import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, queryClient } from "../../app/api.ts";
import { authCalls } from "../../app/auth-calls.ts";
import { signOut, useSession } from "../../app/session.ts";
import { formatCount } from "../../format/count.ts";
import { formatDay } from "../../format/time.ts";
import { formatMoney } from "../../format/usd.ts";
import { Badge } from "../../ui/badge.tsx";
import { Button } from "../../ui/button.tsx";
import { Field, TextInput } from "../../ui/field.tsx";
import { FailureNotice } from "../../ui/notice.tsx";
import { Facts, PageHeader, Panel } from "../../ui/page.tsx";
import { showToast } from "../../ui/toast.tsx";
import styles from "./account.module.css";
import { SessionList } from "./session-list.tsx";

export function AccountPage() {
  const { user, plan, keyCount } = useSession();
  return (
    <>
      <PageHeader
        title="Account"
        tabTitle="Account"
        actions={<Button onClick={() => void signOut()}>Sign out</Button>}
      />
      <div className={styles["grid"]}>
        <Panel title="You">
          <Facts
            facts={[
              ["E-mail", user.email],
              ["Role", user.role],
              ["Since", formatDay(user.created_at)],
            ]}
          />
          <hr style={{ margin: "14px 0", border: 0, borderTop: "1px solid var(--line)" }} />
          <NameForm name={user.name} />
        </Panel>
        <Panel title="Plan" actions={<Badge tone="accent">{plan?.name ?? "admin: no ceilings"}</Badge>}>
          {plan === null ? (
            <p>Your keys have no ceilings but those that you give them.</p>
          ) : (
            <Facts
              facts={[
                ["Keys", `${keyCount} of ${plan.keys}`],
                [
                  "Budget per key",
                  plan.budget_usd === null ? "no ceiling" : `${formatMoney(plan.budget_usd)} in 30 days`,
                ],
                [
                  "Rate per key",
                  plan.requests_per_minute === null
                    ? "no ceiling"
                    : `${formatCount(plan.requests_per_minute)} requests per minute`,
                ],
                ["Models", plan.models.join(", ")],
                ["Rotation", plan.rotate ? "yes" : "no: make a new key and revoke the old one"],
              ]}
            />
          )}
        </Panel>
        <Panel title="Password">
          <PasswordForm />
        </Panel>
        <div className={styles["full"]}>
          <SessionList />
        </div>
      </div>
    </>
  );
}

function NameForm({ name }: { name: string }) {
  const [value, setValue] = useState(name);
  const save = useMutation({
    mutationFn: () => authCalls.updateName(value.trim()),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: api.session.get.queryKey() });
      showToast("Your name is changed.");
    },
  });
  return (
    <form
      className={styles["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      {save.isError && <FailureNotice error={save.error} title="The name was not changed" />}
      <Field label="Name">
        {(control) => (
          <TextInput
            {...control}
            autoComplete="name"
            value={value}
            onChange={(event) => setValue(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" isBusy={save.isPending} disabled={value.trim() === "" || value.trim() === name}>
        Save
      </Button>
    </form>
  );
}

function PasswordForm() {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const change = useMutation({
    mutationFn: () => authCalls.changePassword(current, next),
    onSuccess: async () => {
      setCurrent("");
      setNext("");
      await queryClient.invalidateQueries({ queryKey: ["auth"] });
      showToast("The password is changed. Your other sessions were ended.");
    },
  });
  return (
    <form
      className={styles["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate();
      }}
    >
      {change.isError && <FailureNotice error={change.error} title="The password was not changed" />}
      <Field label="Current password">
        {(control) => (
          <TextInput
            {...control}
            type="password"
            autoComplete="current-password"
            value={current}
            onChange={(event) => setCurrent(event.target.value)}
          />
        )}
      </Field>
      <Field label="New password" hint="At least 8 characters. Your other sessions end.">
        {(control) => (
          <TextInput
            {...control}
            type="password"
            autoComplete="new-password"
            value={next}
            onChange={(event) => setNext(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" isBusy={change.isPending} disabled={current === "" || next === ""}>
        Change the password
      </Button>
    </form>
  );
}
