import { useId } from "react";
import styles from "./tabs.module.css";

/** A choice of a few short words, in one line. */
export function Segments<Value extends string>({
  label,
  value,
  onChange,
  options,
}: {
  label: string;
  value: Value;
  onChange: (value: Value) => void;
  options: readonly (readonly [value: Value, label: string])[];
}) {
  const name = useId();
  return (
    <div className={styles["segments"]} role="radiogroup" aria-label={label}>
      {options.map(([option, text]) => (
        <label key={option} className={styles["segment"]}>
          <input type="radio" name={name} checked={option === value} onChange={() => onChange(option)} />
          {text}
        </label>
      ))}
    </div>
  );
}
