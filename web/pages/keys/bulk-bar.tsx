import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "../../app/api.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, TextInput } from "../../ui/field.tsx";
import { showFailure, showToast } from "../../ui/toast.tsx";
import styles from "./keys.module.css";
import { refreshKeys } from "./refresh-keys.ts";

const done = { disable: "disabled", enable: "enabled", revoke: "revoked" } as const;

/** What is done to all keys that are ticked. Revoking asks for their number. */
export function BulkBar({ selected, onDone }: { selected: ReadonlySet<string>; onDone: () => void }) {
  const [isAsking, setAsking] = useState(false);
  const [typed, setTyped] = useState("");
  const bulk = useMutation(
    api.keys.bulk.mutationOptions({
      onSuccess: async ({ results }, { action }) => {
        const failed = results.filter(({ ok }) => !ok);
        const good = results.length - failed.length;
        if (good > 0) showToast(`${good} ${good === 1 ? "key is" : "keys are"} ${done[action]}.`);
        for (const { public_id: id, error } of failed.slice(0, 3)) showToast(`${id}: ${error?.message}`, "bad");
        setAsking(false);
        onDone();
        await refreshKeys();
      },
      onError: showFailure,
    }),
  );
  const run = (action: keyof typeof done): void => bulk.mutate({ action, public_ids: [...selected] });
  const count = String(selected.size);
  return (
    <div className={styles["selection"]}>
      <strong>{count} selected</strong>
      <Button size="small" isBusy={bulk.isPending} onClick={() => run("disable")}>
        Disable
      </Button>
      <Button size="small" isBusy={bulk.isPending} onClick={() => run("enable")}>
        Enable
      </Button>
      <Button size="small" variant="danger" onClick={() => setAsking(true)}>
        Revoke …
      </Button>
      <Button size="small" variant="ghost" onClick={onDone}>
        Clear
      </Button>
      <Dialog
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        title={`Revoke ${count} keys`}
        description="This is final: whatever uses them gets 401 within a second."
        onSubmit={() => {
          if (typed === count) run("revoke");
        }}
        footer={
          <>
            <Button onClick={() => setAsking(false)}>Cancel</Button>
            <Button type="submit" variant="danger" disabled={typed !== count} isBusy={bulk.isPending}>
              Revoke keys
            </Button>
          </>
        }
      >
        <Field label={`Type ${count} to confirm`}>
          {(control) => <TextInput {...control} value={typed} onChange={(event) => setTyped(event.target.value)} />}
        </Field>
      </Dialog>
    </div>
  );
}
