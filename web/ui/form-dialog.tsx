import type { ReactNode } from "react";
import { Button } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import styles from "./form-dialog.module.css";
import { Notice } from "./notice.tsx";

/** A dialog with fields, a button that sends them, and a place for what the gateway finds wrong with none of them. */
export function FormDialog({
  title,
  description,
  submit,
  isDanger = false,
  isDisabled = false,
  isBusy,
  isWide = false,
  problem,
  failure,
  onSubmit,
  onClose,
  children,
}: {
  title: string;
  description?: ReactNode;
  /** What the button that sends says. */
  submit: string;
  isDanger?: boolean;
  isDisabled?: boolean;
  isBusy: boolean;
  isWide?: boolean;
  /** What was not done, as a title. */
  problem: string;
  /** Why not, where no field says it. */
  failure: string | undefined;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}) {
  return (
    <Dialog
      isOpen
      isWide={isWide}
      onClose={onClose}
      title={title}
      description={description}
      onSubmit={() => {
        if (!isDisabled && !isBusy) onSubmit();
      }}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant={isDanger ? "danger" : "primary"} disabled={isDisabled} isBusy={isBusy}>
            {submit}
          </Button>
        </>
      }
    >
      <div className={styles["form"]}>
        {failure !== undefined && (
          <Notice tone="bad" title={problem}>
            <p>{failure}</p>
          </Notice>
        )}
        {children}
      </div>
    </Dialog>
  );
}
