import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Checkbox, Field, TextInput } from "../../ui/field.tsx";
import { FailureNotice, Notice } from "../../ui/notice.tsx";
import { showToast } from "../../ui/toast.tsx";
import styles from "./form/key-form.module.css";
import { refreshKeys } from "./refresh-keys.ts";

/** Ends a key for ever, by its alias typed out. */
export function RevokeDialog({
  apiKey,
  onClose,
}: {
  apiKey: { public_id: string; alias: string };
  onClose: () => void;
}) {
  const [typed, setTyped] = useState("");
  const [cutsStreams, setCutsStreams] = useState(false);
  const revoke = useMutation(
    api.keys.revoke.mutationOptions({
      onSuccess: async () => {
        showToast(`${apiKey.alias} is revoked.`);
        onClose();
        await refreshKeys();
      },
    }),
  );
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={`Revoke ${apiKey.alias}`}
      onSubmit={() => {
        if (typed === apiKey.alias) revoke.mutate({ public_id: apiKey.public_id, cut_streams: cutsStreams });
      }}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="danger" disabled={typed !== apiKey.alias} isBusy={revoke.isPending}>
            Revoke key
          </Button>
        </>
      }
    >
      <div className={styles["form"]}>
        {revoke.isError && <FailureNotice error={revoke.error} title="The key was not revoked" />}
        <Notice tone="warn" title="This is final">
          <p>Whatever uses the key gets 401 within a second. To stop it for a while, disable it instead.</p>
        </Notice>
        <Field
          label={
            <>
              Type <code>{apiKey.alias}</code> to confirm
            </>
          }
        >
          {(control) => (
            <TextInput {...control} isMono autoFocus value={typed} onChange={(event) => setTyped(event.target.value)} />
          )}
        </Field>
        <Checkbox
          label="Also cut the calls that are running"
          checked={cutsStreams}
          onChange={(event) => setCutsStreams(event.target.checked)}
        />
      </div>
    </Dialog>
  );
}
