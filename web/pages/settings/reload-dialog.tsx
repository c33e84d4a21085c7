import { useMutation } from "@tanstack/react-query";
import { api, parseFailure, queryClient } from "../../app/api.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { Notice } from "../../ui/notice.tsx";
import { Facts } from "../../ui/page.tsx";
import styles from "./settings.module.css";

/** Has every gateway read its config file anew, and says what came of it; or what is wrong with the file. */
export function ReloadDialog({ onClose }: { onClose: () => void }) {
  const reload = useMutation(
    // What the file says stands on every page.
    api.config.reload.mutationOptions({ onSuccess: () => queryClient.invalidateQueries() }),
  );
  if (reload.data !== undefined) {
    const { applied, needs_restart: restart, config_hash: hash } = reload.data;
    return (
      <Dialog
        isOpen
        onClose={onClose}
        title="The file was read anew"
        footer={
          <Button variant="primary" onClick={onClose}>
            Done
          </Button>
        }
      >
        <Facts
          facts={[
            ["Holds now", applied.join(", ") || "nothing differs"],
            ["Waits for a restart", restart.join(", ") || "nothing"],
            ["Hash", <code key="hash">{hash}</code>],
          ]}
        />
      </Dialog>
    );
  }
  const failure = reload.isError ? parseFailure(reload.error) : null;
  return (
    <FormDialog
      title="Reload the config file"
      submit="Reload"
      isBusy={reload.isPending}
      problem="The file was not reloaded"
      failure={failure !== null && failure.issues.length === 0 ? failure.message : undefined}
      onSubmit={() => reload.mutate({})}
      onClose={onClose}
    >
      {failure !== null && failure.issues.length > 0 && (
        <Notice tone="bad" title="The file has mistakes; what was read before holds">
          <ul className={styles["mistakes"]}>
            {failure.issues.map(({ path, message }) => (
              <li key={`${path} ${message}`}>
                <code>{path}</code>: {message}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      <p>
        Every gateway reads its own file. Models, limits, plans and prices hold at once, or nothing of a file that has a
        mistake. Other sections hold once the process starts anew.
      </p>
    </FormDialog>
  );
}
