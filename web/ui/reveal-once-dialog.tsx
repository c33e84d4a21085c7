import { useBlocker } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { Button } from "./button.tsx";
import { CopyButton } from "./copy-button.tsx";
import { Dialog } from "./dialog.tsx";
import { Notice } from "./notice.tsx";
import styles from "./reveal-once-dialog.module.css";

/** Shows a secret this once: it is in the owner's state and gone with it. Leaving without a copy asks. */
export function RevealOnceDialog({
  title,
  description,
  noun,
  secret,
  warning,
  isWide = false,
  onClose,
  children,
}: {
  title: string;
  description?: ReactNode;
  /** What it is: `key`, `secret`. */
  noun: string;
  secret: string;
  /** What is stored of it, and what to do when it is lost. */
  warning: ReactNode;
  isWide?: boolean;
  onClose: () => void;
  children?: ReactNode;
}) {
  const [isCopied, setCopied] = useState(false);
  const [isAsking, setAsking] = useState(false);
  useBlocker({
    shouldBlockFn: () => !isCopied && !confirm(`The ${noun} is shown this once. Leave without having copied it?`),
    enableBeforeUnload: () => !isCopied,
  });
  const close = (): void => {
    if (isCopied) onClose();
    else setAsking(true);
  };
  return (
    <Dialog
      isOpen
      isWide={isWide}
      onClose={close}
      title={title}
      description={description}
      footer={
        isAsking ? (
          <>
            <span className={styles["ask"]} role="alert">
              It has not been copied, and cannot be shown again.
            </span>
            <Button variant="danger" onClick={onClose}>
              Close all the same
            </Button>
            <Button variant="primary" onClick={() => setAsking(false)}>
              Keep it open
            </Button>
          </>
        ) : (
          <Button variant="primary" onClick={close}>
            Done
          </Button>
        )
      }
    >
      <div className={styles["form"]}>
        <Notice tone="warn" title={`Copy the ${noun} now`}>
          <p>{warning}</p>
        </Notice>
        <div className={styles["secret"]}>
          <code data-secret>{secret}</code>
          <CopyButton text={secret} label={`Copy the ${noun}`} variant="primary" onCopied={() => setCopied(true)}>
            Copy
          </CopyButton>
        </div>
        {children}
      </div>
    </Dialog>
  );
}
