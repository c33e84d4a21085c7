import { useMutation, useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect, useRef, useState } from "react";
import { api } from "../../app/api.ts";
import { useSession } from "../../app/session.ts";
import type { MenuEntry } from "../../ui/menu.tsx";
import { showFailure, showToast } from "../../ui/toast.tsx";
import type { CreatedKey } from "./create-key-dialog.tsx";
import type { KeyView } from "./key-badges.tsx";
import { refreshKeys } from "./refresh-keys.ts";
import { RevealDialog } from "./reveal-dialog.tsx";

/** These load when they are first opened; not so the one that shows a secret, which must not fail then. */
const RevokeDialog = lazy(async () => ({ default: (await import("./revoke-dialog.tsx")).RevokeDialog }));
const RotateDialog = lazy(async () => ({ default: (await import("./rotate-dialog.tsx")).RotateDialog }));
const EditKeyDialog = lazy(async () => ({ default: (await import("./edit-key-dialog.tsx")).EditKeyDialog }));

export type ActionKey = Pick<KeyView, "public_id" | "alias" | "state" | "rotation">;
type OpenDialog =
  | { kind: "edit" | "rotate" | "revoke"; key: ActionKey }
  | { kind: "reveal"; key: CreatedKey; secret: string; title: string };

export interface KeyActions {
  /** What can be done to a key as it is. The same function at every render. */
  makeEntries(key: ActionKey): MenuEntry[];
  open(kind: "edit" | "rotate" | "revoke", key: ActionKey): void;
  /** Shows the plaintext of a key that was just made. */
  reveal(key: CreatedKey, title: string): void;
  /** To be rendered once on the page. */
  dialogs: ReactNode;
}

/** Everything that is done to one key, with its dialogs; on every page that shows keys. */
export function useKeyActions(): KeyActions {
  const [shown, setShown] = useState<OpenDialog | null>(null);
  const { plan } = useSession();
  const close = (): void => setShown(null);
  const makeOptions = (text: string) => ({
    onSuccess: async () => {
      showToast(text);
      await refreshKeys();
    },
    onError: showFailure,
  });
  const disable = useMutation(api.keys.disable.mutationOptions(makeOptions("The key is disabled.")));
  const enable = useMutation(api.keys.enable.mutationOptions(makeOptions("The key is enabled.")));
  const finish = useMutation(api.keys.finishRotation.mutationOptions(makeOptions("The old secret has ended.")));

  const reveal = (key: CreatedKey, title: string): void => {
    if (key.api_key !== null) setShown({ kind: "reveal", key, secret: key.api_key, title });
    void refreshKeys();
  };

  const makeEntries = (key: ActionKey): MenuEntry[] => {
    const isRevoked = key.state === "revoked";
    const isLive = key.state === "active" || key.state === "disabled";
    const reference = { public_id: key.public_id };
    return [
      { label: "Edit", icon: "gear", isDisabled: isRevoked, onSelect: () => setShown({ kind: "edit", key }) },
      {
        label: plan !== null && !plan.rotate ? "Rotate (not on your plan)" : "Rotate",
        icon: "refresh",
        isDisabled: !isLive || (plan !== null && !plan.rotate),
        onSelect: () => setShown({ kind: "rotate", key }),
      },
      ...(key.rotation === null
        ? []
        : [{ label: "End the old secret now", icon: "close", onSelect: () => finish.mutate(reference) } as const]),
      key.state === "disabled"
        ? { label: "Enable", icon: "play", onSelect: () => enable.mutate(reference) }
        : { label: "Disable", icon: "pause", isDisabled: !isLive, onSelect: () => disable.mutate(reference) },
      {
        label: "Revoke",
        icon: "trash",
        isDangerous: true,
        isDisabled: isRevoked,
        onSelect: () => setShown({ kind: "revoke", key }),
      },
    ];
  };

  const current = useRef(makeEntries);
  useEffect(() => {
    current.current = makeEntries;
  });
  const stable = useRef((key: ActionKey) => current.current(key)).current;

  return {
    makeEntries: stable,
    open: (kind, key) => setShown({ kind, key }),
    reveal,
    dialogs: shown !== null && (
      <Suspense fallback={null}>
        <ActionDialog shown={shown} onClose={close} onRotated={reveal} />
      </Suspense>
    ),
  };
}

function ActionDialog({
  shown,
  onClose,
  onRotated,
}: {
  shown: OpenDialog;
  onClose: () => void;
  onRotated: (key: CreatedKey, title: string) => void;
}) {
  switch (shown.kind) {
    case "reveal":
      return <RevealDialog apiKey={shown.key} secret={shown.secret} title={shown.title} onClose={onClose} />;
    case "rotate":
      return (
        <RotateDialog
          apiKey={shown.key}
          onClose={onClose}
          onRotated={(key) => onRotated(key, "Your key has a new secret")}
        />
      );
    case "revoke":
      return <RevokeDialog apiKey={shown.key} onClose={onClose} />;
    case "edit":
      return <LoadedEdit publicId={shown.key.public_id} onClose={onClose} />;
  }
}

/** The form starts from the key as it is now, not as a list showed it. */
function LoadedEdit({ publicId, onClose }: { publicId: string; onClose: () => void }) {
  const key = useQuery(api.keys.get.queryOptions({ public_id: publicId }, { staleTime: 0 }));
  if (key.data === undefined) return null;
  return <EditKeyDialog key={key.data.version} apiKey={key.data} onClose={onClose} />;
}
