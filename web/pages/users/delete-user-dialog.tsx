import { useMutation } from "@tanstack/react-query";
import { api } from "../../app/api.ts";
import { showToast } from "../../ui/toast.tsx";
import { TypedConfirmDialog } from "../../ui/typed-confirm-dialog.tsx";
import type { UserView } from "./change-user-dialog.tsx";
import { refreshUsers } from "./refresh-users.ts";

/** Deletes a user for ever, by the e-mail typed out. */
export function DeleteUserDialog({ user, onClose }: { user: UserView; onClose: () => void }) {
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
    <TypedConfirmDialog
      title={`Delete ${user.name}`}
      name={user.email}
      submit="Delete user"
      problem="The user was not deleted"
      warning="All keys of the user are revoked. To stop them for a while, disable the user instead."
      error={remove.error}
      isBusy={remove.isPending}
      onConfirm={() => remove.mutate({ user_id: user.id })}
      onClose={onClose}
    />
  );
}
