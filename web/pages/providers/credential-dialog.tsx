import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { client, type Outputs } from "../../app/api.ts";
import { makeFormIssues } from "../../app/form-issues.ts";
import { Field, TextInput } from "../../ui/field.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { showToast } from "../../ui/toast.tsx";
import { refreshCredentials } from "./refresh-credentials.ts";

export type CredentialView = Outputs["credentials"]["list"]["credentials"][number];

/** Stores a credential, or puts another in the place of a stored one. What is typed is sent once and shown nowhere. */
export function CredentialDialog({
  credential,
  onClose,
}: {
  /** `null`: a new one. */
  credential: CredentialView | null;
  onClose: () => void;
}) {
  const [name, setName] = useState(credential?.name ?? "");
  const [secret, setSecret] = useState("");
  const [description, setDescription] = useState(credential?.description ?? "");
  const save = useMutation({
    async mutationFn() {
      const about = description.trim() === "" ? null : description;
      if (credential === null) return await client.credentials.create.mutate({ name, secret, description: about });
      return await client.credentials.update.mutate({
        credential_name: credential.name,
        description: about,
        ...(secret === "" ? {} : { secret }),
      });
    },
    async onSuccess(saved) {
      showToast(`${saved.name} is stored, as version ${saved.version}.`);
      onClose();
      await refreshCredentials();
    },
  });
  const issues = makeFormIssues(save.error, ["name", "secret", "description"]);
  return (
    <FormDialog
      title={credential === null ? "Store a credential" : `Change ${credential.name}`}
      description="Encrypted in the database, in force on every gateway within a second, and never shown again."
      submit={credential === null ? "Store credential" : "Save"}
      isBusy={save.isPending}
      problem={credential === null ? "The credential was not stored" : "Nothing was changed"}
      failure={issues.rest}
      onSubmit={() => save.mutate()}
      onClose={onClose}
    >
      {credential === null && (
        <Field
          label="Name"
          error={issues.find("name")}
          hint={
            <>
              Used as <code>vault::NAME</code> in the config file and as a pin of keys.
            </>
          }
        >
          {(control) => (
            <TextInput {...control} isMono value={name} onChange={(event) => setName(event.target.value)} />
          )}
        </Field>
      )}
      <Field
        label="Credential"
        error={issues.find("secret")}
        hint={
          credential === null
            ? "A provider's key, or the JSON of an account."
            : "Empty: what is stored stays. Otherwise it takes its place, and what was there is gone."
        }
      >
        {(control) => (
          <TextInput
            {...control}
            isMono
            type="password"
            autoComplete="new-password"
            value={secret}
            onChange={(event) => setSecret(event.target.value)}
          />
        )}
      </Field>
      <Field label="Description" error={issues.find("description")} note="optional">
        {(control) => (
          <TextInput {...control} value={description} onChange={(event) => setDescription(event.target.value)} />
        )}
      </Field>
    </FormDialog>
  );
}
