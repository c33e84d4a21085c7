import { type ComponentProps, type ReactNode, useId } from "react";
import styles from "./field.module.css";
import { joinClasses } from "./join-classes.ts";

/** What a control must carry so that its label, hint and error belong to it. */
export interface ControlProps {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: true;
}

/** A labelled control; the error stands where the hint stood and is read out with the control. */
export function Field({
  label,
  note,
  hint,
  error,
  children,
}: {
  label: ReactNode;
  /** Beside the label: a ceiling, "optional". */
  note?: ReactNode;
  hint?: ReactNode;
  error?: string | undefined;
  children: (control: ControlProps) => ReactNode;
}) {
  const id = useId();
  const describes = error !== undefined || hint !== undefined;
  return (
    <div className={styles["field"]}>
      <label className={styles["label"]} htmlFor={id}>
        <span>{label}</span>
        {note !== undefined && <span className={styles["note"]}>{note}</span>}
      </label>
      {children({
        id,
        ...(describes ? { "aria-describedby": `${id}-text` } : {}),
        ...(error === undefined ? {} : { "aria-invalid": true as const }),
      })}
      {error !== undefined ? (
        <p id={`${id}-text`} className={styles["error"]} role="alert">
          {error}
        </p>
      ) : (
        hint !== undefined && (
          <p id={`${id}-text`} className={styles["hint"]}>
            {hint}
          </p>
        )
      )}
    </div>
  );
}

/** `autoComplete` has a default: were it written over, the compiler would join the hundreds of values that it may have, for a second. */
export function TextInput({
  className,
  isMono = false,
  autoComplete = "off",
  ...rest
}: ComponentProps<"input"> & { isMono?: boolean }) {
  return (
    <input
      autoComplete={autoComplete}
      spellCheck={false}
      {...rest}
      className={joinClasses(styles["control"], isMono && styles["mono"], className)}
    />
  );
}

export function TextArea({ className, isMono = false, ...rest }: ComponentProps<"textarea"> & { isMono?: boolean }) {
  return (
    <textarea
      spellCheck={false}
      {...rest}
      className={joinClasses(styles["control"], isMono && styles["mono"], className)}
    />
  );
}

export function Select({
  options,
  className,
  ...rest
}: ComponentProps<"select"> & { options: readonly (readonly [value: string, label: string])[] }) {
  return (
    <select {...rest} className={joinClasses(styles["control"], className)}>
      {options.map(([value, label]) => (
        <option key={value} value={value}>
          {label}
        </option>
      ))}
    </select>
  );
}

export function Checkbox({ label, ...rest }: Omit<ComponentProps<"input">, "type"> & { label: ReactNode }) {
  return (
    <label className={styles["check"]}>
      <input {...rest} type="checkbox" />
      <span>{label}</span>
    </label>
  );
}
