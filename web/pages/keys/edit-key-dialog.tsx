import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api, type Outputs } from "../../app/api.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { showToast } from "../../ui/toast.tsx";
import { type KeyDraft, makeDraftOf, makeKeyProperties } from "./form/key-draft.ts";
import { KeyForm } from "./form/key-form.tsx";
import { refreshKeys } from "./refresh-keys.ts";

/** Changes a key. Only what was changed is sent, and only for the version that was shown. */
export function EditKeyDialog({ apiKey, onClose }: { apiKey: Outputs["keys"]["get"]; onClose: () => void }) {
  const [first] = useState<KeyDraft>(() => makeDraftOf(apiKey));
  const [draft, setDraft] = useState(first);
  const save = useMutation(
    api.keys.update.mutationOptions({
      onSuccess: async () => {
        showToast(`${apiKey.alias} is changed. It holds within a second.`);
        onClose();
        await refreshKeys();
      },
    }),
  );
  const before = makeKeyProperties(first, apiKey.rate_limits);
  const after = makeKeyProperties(draft, apiKey.rate_limits);
  const change = Object.fromEntries(
    Object.entries(after).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof typeof before]),
    ),
  );
  return (
    <Dialog
      isOpen
      isWide
      onClose={onClose}
      title={`Edit ${apiKey.alias}`}
      description="A change holds on every gateway within a second."
      onSubmit={() => save.mutate({ public_id: apiKey.public_id, if_match: apiKey.version, ...change })}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" isBusy={save.isPending} disabled={Object.keys(change).length === 0}>
            Save
          </Button>
        </>
      }
    >
      <KeyForm
        isNew={false}
        draft={draft}
        error={save.error}
        onChange={(part) => setDraft((current) => ({ ...current, ...part }))}
      />
    </Dialog>
  );
}
