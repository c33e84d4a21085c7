import type { ReactNode } from "react";
import styles from "./badge.module.css";
import { joinClasses } from "./join-classes.ts";

export type Tone = "neutral" | "good" | "warn" | "bad" | "accent";

/** A word about a thing's state. The colour only repeats what the word says. */
export function Badge({
  tone = "neutral",
  hasDot = false,
  title,
  children,
}: {
  tone?: Tone;
  hasDot?: boolean;
  title?: string;
  children: ReactNode;
}) {
  return (
    <span className={joinClasses(styles["badge"], tone !== "neutral" && styles[tone])} title={title}>
      {hasDot && <span className={styles["dot"]} aria-hidden="true" />}
      {children}
    </span>
  );
}
