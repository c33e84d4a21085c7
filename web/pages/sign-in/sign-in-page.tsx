import { useMutation } from "@tanstack/react-query";
import { getRouteApi, Link, Navigate, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import { parseFailure, queryClient } from "../../app/api.ts";
import { authCalls } from "../../app/auth-calls.ts";
import { Button } from "../../ui/button.tsx";
import { Field, TextInput } from "../../ui/field.tsx";
import { Notice } from "../../ui/notice.tsx";
import styles from "./sign-in.module.css";
import { SignInLayout } from "./sign-in-layout.tsx";
import { useAuthOptions } from "./use-auth-options.ts";

const route = getRouteApi("/sign-in");

export function SignInPage() {
  const { next } = route.useSearch();
  const router = useRouter();
  const options = useAuthOptions();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: () => authCalls.signIn(email.trim(), password),
    onSuccess: () => {
      queryClient.clear();
      router.history.push(next ?? "/api-keys");
    },
  });
  const google = useMutation({
    mutationFn: () => authCalls.signInWithGoogle(next ?? "/api-keys"),
    onSuccess: ({ url }) => {
      if (url !== undefined) location.assign(url);
    },
  });
  const error = signIn.error ?? google.error;
  if (options?.first_start === true) return <Navigate to="/first-start" />;

  return (
    <SignInLayout
      title="Sign in"
      lead="To mint, watch and limit your API keys."
      onSubmit={() => signIn.mutate()}
      foot={
        options?.sign_up === "open" ? (
          <>
            New here? <Link to="/sign-up">Make an account</Link>
          </>
        ) : options?.sign_up === "invite" ? (
          <>
            Invited? <Link to="/sign-up">Sign up with your invitation</Link>
          </>
        ) : (
          "Accounts are made by the admins of this gateway."
        )
      }
    >
      {error !== null && (
        <Notice tone="bad" title="You are not signed in">
          <p>{makeSignInText(error)}</p>
        </Notice>
      )}
      {options?.google === true && (
        <>
          <Button isBusy={google.isPending} onClick={() => google.mutate()}>
            Go on with Google
          </Button>
          <div className={styles["or"]}>or</div>
        </>
      )}
      <Field label="E-mail">
        {(control) => (
          <TextInput
            {...control}
            type="email"
            name="email"
            autoComplete="username"
            autoFocus
            required
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        )}
      </Field>
      <Field
        label="Password"
        note={options?.password_reset === true ? <Link to="/forgot-password">Forgotten?</Link> : undefined}
      >
        {(control) => (
          <TextInput
            {...control}
            type="password"
            name="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" variant="primary" isBusy={signIn.isPending}>
        Sign in
      </Button>
    </SignInLayout>
  );
}

function makeSignInText(error: unknown): string {
  const failure = parseFailure(error);
  if (failure.status === 429) return "Too many attempts. Wait a minute, then try again.";
  if (failure.code === "INVALID_EMAIL_OR_PASSWORD" || failure.status === 401) {
    return "E-mail and password do not belong together. Check both; the password is case-sensitive.";
  }
  return failure.message;
}
