import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { authCalls } from "../../app/auth-calls.ts";
import { Button } from "../../ui/button.tsx";
import { Field, TextInput } from "../../ui/field.tsx";
import { FailureNotice, Notice } from "../../ui/notice.tsx";
import { SignInLayout } from "./sign-in-layout.tsx";

export function ForgotPasswordPage() {
  const [email, setEmail] = useState("");
  const request = useMutation({ mutationFn: () => authCalls.requestPasswordReset(email.trim()) });
  return (
    <SignInLayout
      title="Reset your password"
      lead="A link that works once is sent to your e-mail."
      onSubmit={() => request.mutate()}
      foot={<Link to="/sign-in">Back to sign in</Link>}
    >
      {request.isError && <FailureNotice error={request.error} title="No e-mail was sent" />}
      {request.isSuccess && (
        <Notice tone="good" title="Look into your mailbox">
          <p>If there is an account with this e-mail, the link is on its way. It may be in the spam folder.</p>
        </Notice>
      )}
      <Field label="E-mail">
        {(control) => (
          <TextInput
            {...control}
            type="email"
            name="email"
            autoComplete="username"
            autoFocus
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" variant="primary" isBusy={request.isPending} disabled={email.trim() === ""}>
        Send the link
      </Button>
    </SignInLayout>
  );
}
