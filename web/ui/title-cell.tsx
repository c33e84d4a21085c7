import type { ReactNode } from "react";
import styles from "./title-cell.module.css";

/** What a row is called, with a smaller line below that tells more. */
export function TitleCell({ title, note }: { title: ReactNode; note?: ReactNode }) {
  return (
    <div className={styles["cell"]}>
      <strong>{title}</strong>
      {note != null && <small>{note}</small>}
    </div>
  );
}
