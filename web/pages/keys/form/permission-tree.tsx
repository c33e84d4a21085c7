import { Checkbox } from "../../../ui/field.tsx";
import styles from "./key-form.module.css";

const serviceNames: Readonly<Record<string, string>> = {
  ai: "AI",
  vec: "Vectors",
  kev: "Key-value",
  data: "SQL data",
  files: "Files",
  admin: "Admin",
  keys: "Keys",
};

/** Permissions by service; a whole service is one grant, `vec:*`, which also holds for what comes to it later. */
export function PermissionTree({
  catalogue,
  value,
  onChange,
  error,
}: {
  catalogue: readonly string[];
  value: readonly string[];
  onChange: (grants: readonly string[]) => void;
  error?: string | undefined;
}) {
  const services = [...new Set(catalogue.map((name) => name.slice(0, name.indexOf(":"))))];
  const isEverything = value.includes("*");
  const set = (grant: string, isOn: boolean, replaced: (name: string) => boolean = () => false): void =>
    onChange([...value.filter((name) => name !== grant && !replaced(name)), ...(isOn ? [grant] : [])]);
  return (
    <fieldset className={styles["group"]}>
      <legend>
        Permissions <small>what the key may do; the narrower the better</small>
      </legend>
      {error !== undefined && (
        <p className={styles["error"]} role="alert">
          {error}
        </p>
      )}
      <div className={styles["tree"]}>
        {services.map((service) => {
          const whole = `${service}:*`;
          const isWhole = isEverything || value.includes(whole);
          return (
            <div key={service} className={styles["service"]}>
              <Checkbox
                label={serviceNames[service] ?? service}
                checked={isWhole}
                disabled={isEverything}
                onChange={(event) => set(whole, event.target.checked, (name) => name.startsWith(`${service}:`))}
              />
              <div>
                {catalogue
                  .filter((name) => name.startsWith(`${service}:`))
                  .map((name) => (
                    <Checkbox
                      key={name}
                      label={name.slice(name.indexOf(":") + 1)}
                      aria-label={name}
                      checked={isWhole || value.includes(name)}
                      disabled={isWhole}
                      onChange={(event) => set(name, event.target.checked)}
                    />
                  ))}
              </div>
            </div>
          );
        })}
      </div>
    </fieldset>
  );
}
