import type { ReactNode } from "react";
import { parseFailure } from "../app/api.ts";
import { Button } from "./button.tsx";
import { Icon, type IconName } from "./icon.tsx";
import { joinClasses } from "./join-classes.ts";
import styles from "./notice.module.css";

/** Something to know, in the flow of the page. */
export function Notice({
  tone,
  title,
  children,
  action,
}: {
  tone: "neutral" | "good" | "warn" | "bad";
  title?: string;
  children?: ReactNode;
  action?: ReactNode;
}) {
  return (
    <div
      className={joinClasses(styles["notice"], tone !== "neutral" && styles[tone])}
      role={tone === "bad" ? "alert" : "status"}
    >
      <Icon name={tone === "good" ? "check" : "warning"} />
      <div className={styles["text"]}>
        {title !== undefined && <p className={styles["title"]}>{title}</p>}
        {children}
      </div>
      {action}
    </div>
  );
}

/** What a call failed with, what to do about it, and a way to ask again. */
export function FailureNotice({ error, title, onRetry }: { error: unknown; title: string; onRetry?: () => void }) {
  const failure = parseFailure(error);
  return (
    <Notice
      tone="bad"
      title={title}
      action={
        onRetry === undefined ? undefined : (
          <Button size="small" onClick={onRetry}>
            <Icon name="refresh" size={13} /> Try again
          </Button>
        )
      }
    >
      <p>{failure.message}</p>
    </Notice>
  );
}

/** Instead of an empty list: what would stand here, and the next thing to do. */
export function EmptyState({
  icon,
  title,
  children,
  actions,
}: {
  icon: IconName;
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <div className={styles["empty"]}>
      <Icon name={icon} size={28} />
      <h2>{title}</h2>
      {children !== undefined && <p>{children}</p>}
      {actions !== undefined && <div className={styles["actions"]}>{actions}</div>}
    </div>
  );
}
