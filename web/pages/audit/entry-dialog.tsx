import type { Outputs } from "../../app/api.ts";
import { formatInstant } from "../../format/time.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Facts } from "../../ui/page.tsx";
import styles from "./audit.module.css";
import { listChanges } from "./list-changes.ts";

export type EntryView = Outputs["audit"]["list"]["entries"][number];

/** One entry, with what was before and after. */
export function EntryDialog({ entry, onClose }: { entry: EntryView; onClose: () => void }) {
  const changes = listChanges(entry.before, entry.after);
  return (
    <Dialog isOpen isWide onClose={onClose} title={`${entry.action} · ${entry.seq}`}>
      <Facts
        facts={[
          ["When", formatInstant(entry.at)],
          ["Who", <code key="who">{entry.actor}</code>],
          ["What", <code key="what">{`${entry.object_type}:${entry.object_id}`}</code>],
          ["Address", entry.ip || "–"],
          ["Request", <code key="request">{entry.request_id || "–"}</code>],
          ["Hash", <code key="hash">{entry.hash}</code>],
        ]}
      />
      {changes.length === 0 ? (
        <p>Nothing of the object changed.</p>
      ) : (
        <table className={styles["diff"]}>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Before</th>
              <th scope="col">After</th>
            </tr>
          </thead>
          <tbody>
            {changes.map(({ field, before, after }) => (
              <tr key={field}>
                <th scope="row">{field}</th>
                <td>
                  <code>{before}</code>
                </td>
                <td>
                  <code>{after}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Dialog>
  );
}
