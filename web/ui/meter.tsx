import { joinClasses } from "./join-classes.ts";
import styles from "./meter.module.css";

const nearShare = 0.8;
/** Then hardly any call still fits. */
const fullShare = 0.99;

/** How much of a limit is used: in words, and as a bar that warns from 80 % on. */
export function Meter({
  label,
  share,
  used,
  cap,
}: {
  /** For screen readers. */
  label: string;
  /** 0 to 1. */
  share: number;
  used: string;
  cap: string;
}) {
  const percent = Math.round(share * 100);
  return (
    <div className={styles["meter"]}>
      <div className={styles["text"]}>
        <span>{used}</span>
        <span className={styles["cap"]}>{cap}</span>
      </div>
      <div
        className={styles["track"]}
        role="meter"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={`${used} ${cap}`}
      >
        <div
          className={joinClasses(
            styles["fill"],
            share >= fullShare ? styles["full"] : share >= nearShare ? styles["near"] : null,
          )}
          style={{ width: `${share > 0 ? Math.max(2, percent) : 0}%` }}
        />
      </div>
    </div>
  );
}
