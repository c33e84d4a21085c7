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

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** Says what is allowed where one of `names` was expected, the nearest one first. */
export function formatAllowedNames(found: string, names: readonly string[]): string {
  if (names.length === 0) return "nothing is allowed here";
  const list = `allowed: ${names.join(", ")}`;
  if (found.length > 80) return list;
  let best: { name: string; cost: number } | null = null;
  for (const name of names) {
    const cost = distance(found.toLowerCase(), name.toLowerCase());
    if (best === null || cost < best.cost) best = { name, cost };
  }
  const near = best !== null && best.cost <= Math.max(2, Math.floor(best.name.length / 3));
  return near ? `did you mean ${best?.name}? ${list}` : list;
}
