import { useState } from "react";
import { client } from "../../app/api.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Field, Select } from "../../ui/field.tsx";
import { FailureNotice } from "../../ui/notice.tsx";
import type { CreatedKey } from "./create-key-dialog.tsx";
import styles from "./form/key-form.module.css";

const overlaps = [
  ["0", "no longer: it ends now"],
  ["1h", "an hour"],
  ["24h", "a day"],
  ["7d", "a week"],
  ["30d", "30 days"],
] as const;

/** Gives a key a second secret; the first works on for a while. */
export function RotateDialog({
  apiKey,
  onClose,
  onRotated,
}: {
  apiKey: { public_id: string; alias: string };
  onClose: () => void;
  onRotated: (key: CreatedKey) => void;
}) {
  const [overlap, setOverlap] = useState("24h");
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const rotate = async (): Promise<void> => {
    setBusy(true);
    try {
      onRotated(await client.keys.rotate.mutate({ public_id: apiKey.public_id, overlap }));
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={`Rotate ${apiKey.alias}`}
      description="A new secret for the same key: same public id, limits, tags and spend."
      onSubmit={() => void rotate()}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" isBusy={isBusy}>
            Rotate
          </Button>
        </>
      }
    >
      <div className={styles["form"]}>
        {error !== null && <FailureNotice error={error} title="The key was not rotated" />}
        <Field label="The old secret works on for" hint="The key shows until when, and whether somebody still uses it.">
          {(control) => (
            <Select
              {...control}
              value={overlap}
              onChange={(event) => setOverlap(event.target.value)}
              options={overlaps}
            />
          )}
        </Field>
      </div>
    </Dialog>
  );
}
