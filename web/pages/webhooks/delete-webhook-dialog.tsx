import { useMutation } from "@tanstack/react-query";
import { api } from "../../app/api.ts";
import { showToast } from "../../ui/toast.tsx";
import { TypedConfirmDialog } from "../../ui/typed-confirm-dialog.tsx";
import { refreshWebhooks } from "./refresh-webhooks.ts";
import type { WebhookView } from "./webhook-dialog.tsx";

/** Deletes a webhook with its messages, by its name typed out. */
export function DeleteWebhookDialog({
  webhook,
  onDeleted,
  onClose,
}: {
  webhook: WebhookView;
  onDeleted: () => void;
  onClose: () => void;
}) {
  const remove = useMutation(
    api.webhooks.delete.mutationOptions({
      onSuccess: async () => {
        showToast(`${webhook.name} is deleted.`);
        onDeleted();
        await refreshWebhooks();
      },
    }),
  );
  return (
    <TypedConfirmDialog
      title={`Delete ${webhook.name}`}
      name={webhook.name}
      submit="Delete webhook"
      problem="The webhook was not deleted"
      warning="What waits to go there is deleted too. To stop it for a while, disable it instead."
      error={remove.error}
      isBusy={remove.isPending}
      onConfirm={() => remove.mutate({ webhook_id: webhook.id })}
      onClose={onClose}
    />
  );
}
