import { Checkbox, Field, TextArea } from "../../../ui/field.tsx";
import styles from "./key-form.module.css";

/** All models, or a list of names and patterns. */
export function ModelPicker({
  allModels,
  models,
  known,
  onChange,
  error,
  ceiling,
}: {
  allModels: boolean;
  models: string;
  /** To press instead of typing. */
  known: readonly string[];
  onChange: (change: { allModels?: boolean; models?: string }) => void;
  error?: string | undefined;
  ceiling: string | undefined;
}) {
  const lines = models.split("\n").filter((line) => line.trim() !== "");
  const toggle = (name: string): void =>
    onChange({ models: (lines.includes(name) ? lines.filter((line) => line !== name) : [...lines, name]).join("\n") });
  return (
    <fieldset className={styles["group"]}>
      <legend>
        Models <small>{ceiling ?? "which ones the key may call"}</small>
      </legend>
      <Checkbox
        label="All models"
        checked={allModels}
        onChange={(event) => onChange({ allModels: event.target.checked })}
      />
      {!allModels && (
        <>
          {known.length > 0 && (
            <div className={styles["chips"]}>
              {known.map((name) => (
                <button
                  key={name}
                  type="button"
                  className={styles["chip"]}
                  aria-pressed={lines.includes(name)}
                  onClick={() => toggle(name)}
                >
                  {name}
                </button>
              ))}
            </div>
          )}
          <Field
            label="Names and patterns"
            hint="One a line. * stands for anything, a leading ! excludes: openai::gpt-5*, !openai::o1"
            error={error}
          >
            {(control) => (
              <TextArea
                {...control}
                isMono
                rows={3}
                value={models}
                onChange={(event) => onChange({ models: event.target.value })}
              />
            )}
          </Field>
        </>
      )}
    </fieldset>
  );
}
