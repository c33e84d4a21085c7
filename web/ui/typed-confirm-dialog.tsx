import { type ReactNode, useState } from "react";
import { parseFailure } from "../app/api.ts";
import { Field, TextInput } from "./field.tsx";
import { FormDialog } from "./form-dialog.tsx";
import { Notice } from "./notice.tsx";

/** Asks for a name to be typed out before something is done that cannot be undone. */
export function TypedConfirmDialog({
  title,
  name,
  submit,
  problem,
  warning,
  error,
  isBusy,
  onConfirm,
  onClose,
  children,
}: {
  title: string;
  /** What must be typed. */
  name: string;
  submit: string;
  problem: string;
  warning: ReactNode;
  /** What the call threw; `null`: nothing. */
  error: unknown;
  isBusy: boolean;
  onConfirm: () => void;
  onClose: () => void;
  children?: ReactNode;
}) {
  const [typed, setTyped] = useState("");
  return (
    <FormDialog
      title={title}
      submit={submit}
      isDanger
      isDisabled={typed !== name}
      isBusy={isBusy}
      problem={problem}
      failure={error === null ? undefined : parseFailure(error).message}
      onSubmit={onConfirm}
      onClose={onClose}
    >
      <Notice tone="warn" title="This is final">
        <p>{warning}</p>
      </Notice>
      <Field
        label={
          <>
            Type <code>{name}</code> to confirm
          </>
        }
      >
        {(control) => (
          <TextInput {...control} isMono value={typed} onChange={(event) => setTyped(event.target.value)} />
        )}
      </Field>
      {children}
    </FormDialog>
  );
}
