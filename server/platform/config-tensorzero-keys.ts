import { type ConfigMistake, formatConfigPath } from "./config-error.ts";

/** Something in a config file that has no effect, or another than where it comes from. Nothing is wrong with it. */
export interface ConfigNote {
  path: string;
  text: string;
}

/** Any table of a config file. */
export type Table = Readonly<Record<string, unknown>>;

/** Everything that TensorZero's sections are read with. */
export interface TensorzeroReading {
  env: Readonly<Record<string, string | undefined>>;
  /** Relative paths start here. */
  folder: string;
  mistakes: ConfigMistake[];
  notes: ConfigNote[];
}

/** The table without keys that have no effect, each with a note that says why. */
export function dropKeys(
  table: Table,
  reasons: Readonly<Record<string, string>>,
  path: readonly PropertyKey[],
  { notes }: TensorzeroReading,
): Record<string, unknown> {
  const rest: [string, unknown][] = [];
  for (const [key, value] of Object.entries(table)) {
    const reason = Object.hasOwn(reasons, key) ? reasons[key] : undefined;
    if (reason === undefined) rest.push([key, value]);
    else notes.push({ path: formatConfigPath([...path, key]), text: `ignored: ${reason}` });
  }
  // Defined, never assigned: `__proto__` is a name like any other.
  return Object.fromEntries(rest);
}

/** The table without keys that calls depend on and that cannot be kept, each a mistake that says why. */
export function refuseTensorzeroKeys(
  table: Table,
  reasons: Readonly<Record<string, string>>,
  path: readonly PropertyKey[],
  { mistakes }: TensorzeroReading,
): Record<string, unknown> {
  const rest: [string, unknown][] = [];
  for (const [key, value] of Object.entries(table)) {
    const reason = Object.hasOwn(reasons, key) ? reasons[key] : undefined;
    if (reason === undefined) rest.push([key, value]);
    else mistakes.push({ path: formatConfigPath([...path, key]), found: "not supported", allowed: reason });
  }
  // Defined, never assigned: `__proto__` is a name like any other.
  return Object.fromEntries(rest);
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
