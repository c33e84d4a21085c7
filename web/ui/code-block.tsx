import styles from "./code-block.module.css";
import { CopyButton } from "./copy-button.tsx";

/** Text for a terminal or a file, with a button that copies it. */
export function CodeBlock({ code, label }: { code: string; label: string }) {
  return (
    <div className={styles["block"]}>
      {/* It scrolls, so it must be reachable by keyboard. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- see above */}
      <pre tabIndex={0} aria-label={label}>
        <code>{code}</code>
      </pre>
      <div className={styles["copy"]}>
        <CopyButton text={code} label={`Copy ${label}`} />
      </div>
    </div>
  );
}

/** A short name that people copy: a public id. */
export function InlineCode({ text, label }: { text: string; label: string }) {
  return (
    <span className={styles["inline"]}>
      {text}
      <CopyButton text={text} label={`Copy ${label}`} />
    </span>
  );
}
