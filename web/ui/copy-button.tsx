import { useState } from "react";
import { Button } from "./button.tsx";
import { Icon } from "./icon.tsx";
import { showToast } from "./toast.tsx";

const shownMs = 1_600;

/** Copies a text, and says so. */
export function CopyButton({
  text,
  label,
  children,
  variant = "ghost",
  onCopied,
}: {
  text: string;
  /** What is copied, for screen readers. */
  label: string;
  children?: string;
  variant?: "ghost" | "secondary" | "primary";
  onCopied?: () => void;
}) {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      showToast("The browser did not allow copying. Select the text and copy it by hand.", "bad");
      return;
    }
    setCopied(true);
    setTimeout(() => setCopied(false), shownMs);
    onCopied?.();
  };
  return (
    <Button
      variant={variant}
      size={children === undefined ? "small" : "normal"}
      isIcon={children === undefined}
      aria-label={label}
      onClick={() => void copy()}
    >
      <Icon name={isCopied ? "check" : "copy"} size={14} />
      {children !== undefined && (isCopied ? "Copied" : children)}
    </Button>
  );
}
