import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, TextInput } from "../../ui/field.tsx";
import { FailureNotice, Notice } from "../../ui/notice.tsx";
import { showToast } from "../../ui/toast.tsx";
import type { UserView } from "./change-user-dialog.tsx";
import { refreshUsers } from "./refresh-users.ts";
import styles from "./users.module.css";

/** Deletes a user for ever, by the e-mail typed out. */
export function DeleteUserDialog({ user, onClose }: { user: UserView; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const remove = useMutation(
    api.users.delete.mutationOptions({
      onSuccess: async () => {
        showToast(`${user.email} is deleted.`);
        onClose();
        await refreshUsers();
      },
    }),
  );
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={`Delete ${user.name}`}
      onSubmit={() => {
        if (typed === user.email) remove.mutate({ user_id: user.id });
      }}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="danger" disabled={typed !== user.email} isBusy={remove.isPending}>
            Delete user
          </Button>
        </>
      }
    >
      <div className={styles["form"]}>
        {remove.isError && <FailureNotice error={remove.error} title="The user was not deleted" />}
        <Notice tone="warn" title="This is final">
          <p>All keys of the user are revoked. To stop them for a while, disable the user instead.</p>
        </Notice>
        <Field
          label={
            <>
              Type <code>{user.email}</code> to confirm
            </>
          }
        >
          {(control) => (
            <TextInput {...control} isMono value={typed} onChange={(event) => setTyped(event.target.value)} />
          )}
        </Field>
      </div>
    </Dialog>
  );
}
