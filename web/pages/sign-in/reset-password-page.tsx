import { useMutation } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { authCalls } from "../../app/auth-calls.ts";
import { Button } from "../../ui/button.tsx";
import { Field, TextInput } from "../../ui/field.tsx";
import { FailureNotice, Notice } from "../../ui/notice.tsx";
import { SignInLayout } from "./sign-in-layout.tsx";

const route = getRouteApi("/reset-password");

export function ResetPasswordPage() {
  const { token, error } = route.useSearch();
  const [password, setPassword] = useState("");
  const reset = useMutation({ mutationFn: () => authCalls.resetPassword(token ?? "", password) });
  const foot = <Link to="/sign-in">Back to sign in</Link>;
  if (token === undefined || error !== undefined) {
    return (
      <SignInLayout title="Set a new password" foot={foot}>
        <Notice tone="bad" title="This link does not work any more">
          <p>
            A link works once, and for an hour. <Link to="/forgot-password">Ask for a new one</Link>.
          </p>
        </Notice>
      </SignInLayout>
    );
  }
  if (reset.isSuccess) {
    return (
      <SignInLayout title="Set a new password" foot={foot}>
        <Notice tone="good" title="The password is changed">
          <p>
            All sessions were ended. <Link to="/sign-in">Sign in</Link> with the new one.
          </p>
        </Notice>
      </SignInLayout>
    );
  }
  return (
    <SignInLayout title="Set a new password" foot={foot} onSubmit={() => reset.mutate()}>
      {reset.isError && <FailureNotice error={reset.error} title="The password was not changed" />}
      <Field label="New password" hint="At least 8 characters.">
        {(control) => (
          <TextInput
            {...control}
            type="password"
            name="new-password"
            autoComplete="new-password"
            autoFocus
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" variant="primary" isBusy={reset.isPending}>
        Set the password
      </Button>
    </SignInLayout>
  );
}
