import { useMutation } from "@tanstack/react-query";
import { api } from "../../app/api.ts";
import { showToast } from "../../ui/toast.tsx";
import { TypedConfirmDialog } from "../../ui/typed-confirm-dialog.tsx";
import type { CredentialView } from "./credential-dialog.tsx";
import { refreshCredentials } from "./refresh-credentials.ts";

/** Deletes a stored credential, by its name typed out. */
export function DeleteCredentialDialog({ credential, onClose }: { credential: CredentialView; onClose: () => void }) {
  const remove = useMutation(
    api.credentials.delete.mutationOptions({
      onSuccess: async () => {
        showToast(`${credential.name} is deleted.`);
        onClose();
        await refreshCredentials();
      },
    }),
  );
  return (
    <TypedConfirmDialog
      title={`Delete ${credential.name}`}
      name={credential.name}
      submit="Delete credential"
      problem="The credential was not deleted"
      warning="Nobody can read it back. It is refused while the config file names it or a key pins it."
      error={remove.error}
      isBusy={remove.isPending}
      onConfirm={() => remove.mutate({ credential_name: credential.name })}
      onClose={onClose}
    />
  );
}
