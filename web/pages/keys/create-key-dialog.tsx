import { useState } from "react";
import { client, type Outputs } from "../../app/api.ts";
import { useSession } from "../../app/session.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Notice } from "../../ui/notice.tsx";
import { type KeyDraft, makeEmptyDraft, makeKeyProperties } from "./form/key-draft.ts";
import { KeyForm } from "./form/key-form.tsx";

export type CreatedKey = Outputs["keys"]["create"];

/** Makes a key. Its plaintext goes to whoever opened the dialog, and is kept nowhere else. */
export function CreateKeyDialog({ onClose, onCreated }: { onClose: () => void; onCreated: (key: CreatedKey) => void }) {
  const { plan, keyCount } = useSession();
  const [draft, setDraft] = useState<KeyDraft>(() => makeEmptyDraft("development", plan?.requests_per_minute ?? null));
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const isFull = plan !== null && keyCount >= plan.keys;

  const create = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const { rate_limits: rates = {}, budgets = [], ...rest } = makeKeyProperties(draft);
      onCreated(
        // Not through the query client: no cache may hold the answer.
        await client.keys.create.mutate({
          ...rest,
          type: draft.type,
          // What is not said becomes what the plan gives.
          ...(budgets.length === 0 ? {} : { budgets }),
          ...(Object.keys(rates).length === 0 ? {} : { rate_limits: rates }),
        }),
      );
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };

  return (
    <Dialog
      isOpen
      isWide
      onClose={onClose}
      title="Create API key"
      description={
        plan === null
          ? "It is shown once, when it is made."
          : `${keyCount} of ${plan.keys} keys on the plan ${plan.name}. It is shown once, when it is made.`
      }
      onSubmit={() => void create()}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" isBusy={isBusy}>
            Create API key
          </Button>
        </>
      }
    >
      {isFull && (
        <Notice tone="warn" title="Your plan's keys are all in use">
          <p>Revoke a key that nobody needs, or ask an admin for another plan. Creating one more will be refused.</p>
        </Notice>
      )}
      <KeyForm
        isNew
        draft={draft}
        error={error}
        onChange={(change) => setDraft((current) => ({ ...current, ...change }))}
      />
    </Dialog>
  );
}
