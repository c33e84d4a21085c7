import { lazy, Suspense } from "react";
import { RevealOnceDialog } from "../../ui/reveal-once-dialog.tsx";
import type { CreatedKey } from "./create-key-dialog.tsx";

/** Loads after the key is shown. Where it cannot be loaded, the key stays in sight without it. */
const KeyUses = lazy(async () => {
  try {
    return { default: (await import("./key-uses.tsx")).KeyUses };
  } catch {
    return { default: () => <p>How to use it stands under Quick start.</p> };
  }
});

/** The plaintext of a key, this once, with ways to use it. */
export function RevealDialog({
  apiKey,
  secret,
  title,
  onClose,
}: {
  apiKey: CreatedKey;
  secret: string;
  title: string;
  onClose: () => void;
}) {
  return (
    <RevealOnceDialog
      isWide
      title={title}
      description={`${apiKey.alias} · ${apiKey.public_id}`}
      noun="key"
      secret={secret}
      warning="Only its digest is stored. If you lose it, rotate the key or make another."
      onClose={onClose}
    >
      <Suspense fallback={null}>
        <KeyUses secret={secret} models={apiKey.models} />
      </Suspense>
    </RevealOnceDialog>
  );
}
