import { useMutation } from "@tanstack/react-query";
import { Link, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { queryClient } from "../../app/api.ts";
import { authCalls } from "../../app/auth-calls.ts";
import { makeFormIssues } from "../../app/form-issues.ts";
import { Button } from "../../ui/button.tsx";
import { Field, TextInput } from "../../ui/field.tsx";
import { Notice } from "../../ui/notice.tsx";
import { SignInLayout } from "./sign-in-layout.tsx";
import { useAuthOptions } from "./use-auth-options.ts";

/** Nobody can sign in yet: whoever holds the key that the first start printed makes the first admin. */
export function FirstStartPage() {
  const router = useRouter();
  const options = useAuthOptions();
  const [adminKey, setAdminKey] = useState("");
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const start = useMutation({
    mutationFn: async () => {
      await authCalls.createFirstAdmin(adminKey.trim(), {
        name: name.trim() || "Admin",
        email: email.trim(),
        password,
      });
      await authCalls.signIn(email.trim(), password);
    },
    onSuccess: () => {
      queryClient.clear();
      router.history.push("/quick-start");
    },
  });
  const issues = makeFormIssues(start.error, ["name", "email", "password"]);
  return (
    <SignInLayout
      title="Welcome to Tollgate"
      lead="Make the first admin, who sees every key and invites everybody else."
      onSubmit={() => start.mutate()}
      foot={
        options?.first_start === false || options?.sign_up === "open" ? (
          <>
            {options.first_start === false ? "There is an admin already. " : "Only here for keys of your own? "}
            <Link to={options.first_start === false ? "/sign-in" : "/sign-up"}>
              {options.first_start === false ? "Sign in" : "Sign up as a member"}
            </Link>
          </>
        ) : undefined
      }
    >
      {issues.rest !== undefined && (
        <Notice tone="bad" title="No admin was made">
          <p>{issues.rest}</p>
        </Notice>
      )}
      <Field
        label="Admin key"
        hint={
          <>
            Printed by the first start as “Admin key”. Lost? <code>npx tollgate keys create --admin</code> makes
            another.
          </>
        }
      >
        {(control) => (
          <TextInput
            {...control}
            isMono
            type="password"
            name="admin-key"
            autoComplete="off"
            placeholder="prod_…"
            autoFocus
            value={adminKey}
            onChange={(event) => setAdminKey(event.target.value)}
          />
        )}
      </Field>
      <Field label="Name" error={issues.find("name")}>
        {(control) => (
          <TextInput
            {...control}
            name="name"
            autoComplete="name"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label="E-mail" error={issues.find("email")}>
        {(control) => (
          <TextInput
            {...control}
            type="email"
            name="email"
            autoComplete="username"
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        )}
      </Field>
      <Field label="Password" hint="At least 8 characters." error={issues.find("password")}>
        {(control) => (
          <TextInput
            {...control}
            type="password"
            name="password"
            autoComplete="new-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" variant="primary" isBusy={start.isPending}>
        Make the admin and sign in
      </Button>
    </SignInLayout>
  );
}
