/** One thing that is wrong with the configuration. */
export interface ConfigMistake {
  /** Where: a key of the config file, an environment variable, or a file. */
  path: string;
  /** What was found there. Never holds a secret's value. */
  found: string;
  /** What would be right. */
  allowed: string;
}

/** Holds every mistake of a configuration at once; its message has one line for each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly mistakes: readonly ConfigMistake[];

  constructor(mistakes: readonly ConfigMistake[]) {
    const shown = mistakes.map(({ path, found, allowed }) => ({
      path: onOneLine(path),
      found: onOneLine(found),
      allowed: onOneLine(allowed),
    }));
    super(shown.map((mistake) => `${mistake.path}: ${mistake.found}; ${mistake.allowed}`).join("\n"));
    this.mistakes = shown;
  }
}

/** Names and values of the file may hold anything; on a terminal they must not move the cursor or begin a line. */
function onOneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ");
}

const bareKey = /^[A-Za-z0-9_-]+$/;

/** Writes a path as it would stand in TOML: `models."gpt-4.1".routing[0]`. */
export function formatConfigPath(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") {
      text += `[${part}]`;
      continue;
    }
    const name = String(part);
    text += (text === "" ? "" : ".") + (bareKey.test(name) ? name : JSON.stringify(name));
  }
  return text;
}

/** Shows a value of the config file in one short line. Dates were made null when the file was read. */
export function formatConfigValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (value === null) return "a date";
  if (typeof value === "object") return "a table";
  if (typeof value === "number" || typeof value === "boolean") return `${value}`;
  if (typeof value !== "string") return `a ${typeof value}`;
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
}
