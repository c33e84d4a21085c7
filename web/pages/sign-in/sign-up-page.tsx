import { useMutation } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { parseFailure, queryClient } from "../../app/api.ts";
import { authCalls } from "../../app/auth-calls.ts";
import { Button } from "../../ui/button.tsx";
import { Field, TextInput } from "../../ui/field.tsx";
import { Notice } from "../../ui/notice.tsx";
import { SignInLayout } from "./sign-in-layout.tsx";
import { useAuthOptions } from "./use-auth-options.ts";

const route = getRouteApi("/sign-up");
const passwordLengthMin = 8;

export function SignUpPage() {
  const search = route.useSearch();
  const router = useRouter();
  const options = useAuthOptions();
  const [name, setName] = useState("");
  const [email, setEmail] = useState(search.email ?? "");
  const [password, setPassword] = useState("");
  const [invitation, setInvitation] = useState(search.invitation ?? "");
  const needsInvitation = options?.sign_up === "invite" || search.invitation !== undefined;
  const signUp = useMutation({
    mutationFn: () =>
      authCalls.signUp({
        name: name.trim(),
        email: email.trim(),
        password,
        ...(needsInvitation ? { invitation: invitation.trim() } : {}),
      }),
    onSuccess: () => {
      queryClient.clear();
      router.history.push("/api-keys");
    },
  });
  const foot = (
    <>
      Already here? <Link to="/sign-in">Sign in</Link>
    </>
  );

  if (options?.sign_up === "closed" && search.invitation === undefined) {
    return (
      <SignInLayout title="Sign up" foot={foot}>
        <Notice tone="warn" title="Signing up is closed">
          <p>Ask an admin of this gateway for an account. An admin opens it with the setting auth.sign_up.</p>
        </Notice>
      </SignInLayout>
    );
  }
  return (
    <SignInLayout
      title="Make an account"
      lead="Your keys, and what they spend."
      foot={foot}
      onSubmit={() => signUp.mutate()}
    >
      {signUp.error !== null && (
        <Notice tone="bad" title="No account was made">
          <p>{makeSignUpText(signUp.error)}</p>
        </Notice>
      )}
      <Field label="Name">
        {(control) => (
          <TextInput
            {...control}
            name="name"
            autoComplete="name"
            autoFocus
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Field>
      <Field label="E-mail">
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
      <Field label="Password" hint={`At least ${passwordLengthMin} characters. A few words in a row are good.`}>
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
      {needsInvitation && (
        <Field label="Invitation" hint="The text that an admin sent you with your e-mail. It works for a week.">
          {(control) => (
            <TextInput
              {...control}
              isMono
              name="invitation"
              value={invitation}
              onChange={(event) => setInvitation(event.target.value)}
            />
          )}
        </Field>
      )}
      <Button type="submit" variant="primary" isBusy={signUp.isPending}>
        Make the account
      </Button>
    </SignInLayout>
  );
}

function makeSignUpText(error: unknown): string {
  const { issues, message, status, code } = parseFailure(error);
  if (status === 429) return "Too many attempts. Wait a minute, then try again.";
  if (code.startsWith("USER_ALREADY_EXISTS")) return "There is an account with this e-mail. Sign in instead.";
  return issues.length === 0 ? message : issues.map((issue) => `${issue.path}: ${issue.message}`).join("; ");
}
