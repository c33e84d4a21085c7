import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { Checkbox } from "../../ui/field.tsx";
import { showToast } from "../../ui/toast.tsx";
import { TypedConfirmDialog } from "../../ui/typed-confirm-dialog.tsx";
import { refreshKeys } from "./refresh-keys.ts";

/** Ends a key for ever, by its alias typed out. */
export function RevokeDialog({
  apiKey,
  onClose,
}: {
  apiKey: { public_id: string; alias: string };
  onClose: () => void;
}) {
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
    <TypedConfirmDialog
      title={`Revoke ${apiKey.alias}`}
      name={apiKey.alias}
      submit="Revoke key"
      problem="The key was not revoked"
      warning="Whatever uses the key gets 401 within a second. To stop it for a while, disable it instead."
      error={revoke.error}
      isBusy={revoke.isPending}
      onConfirm={() => revoke.mutate({ public_id: apiKey.public_id, cut_streams: cutsStreams })}
      onClose={onClose}
    >
      <Checkbox
        label="Also cut the calls that are running"
        checked={cutsStreams}
        onChange={(event) => setCutsStreams(event.target.checked)}
      />
    </TypedConfirmDialog>
  );
}
