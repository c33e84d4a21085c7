import { maskSource } from "./mask-source.ts";

/** One file of the tree as the rules see it. All texts have the same length and line breaks. */
export interface Source {
  /** Below the root, with `/`. */
  path: string;
  text: string;
  /** The text with comments blanked; the same as `text` for what is not TypeScript or JavaScript. */
  code: string;
  /** `code` with the insides of strings, templates and regular expressions blanked too; the quotes stay. */
  bare: string;
  /** Insides of strings and templates, with where they begin. */
  strings: readonly { value: string; index: number }[];
  isScript: boolean;
  isTest: boolean;
  /** Ships: everything but scripts, tests and settings files. The CLI ships too, but is a script to the rules. */
  isProduct: boolean;
}

export interface Finding {
  path: string;
  /** 1-based. */
  line: number;
  message: string;
}

export interface Rule {
  /** Kebab-case; its fixture folder has the same name. */
  name: string;
  check(source: Source, tree: ReadonlyMap<string, string>): Finding[];
}

const productRoots = new Set(["server", "workers", "db", "client", "web"]);

export function parseSource(path: string, text: string): Source {
  const isScript = /\.(ts|tsx|mts|js|mjs)$/.test(path);
  const masked = isScript ? maskSource(text) : { code: text, bare: text, strings: [] };
  const root = path.split("/")[0] ?? "";
  return { path, text, ...masked, isScript, isTest: path.startsWith("test/"), isProduct: productRoots.has(root) };
}

export function findLine(text: string, index: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < index; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

/** One finding per match of a global expression in one of the source's texts. */
export function findMatches(
  source: Source,
  where: "text" | "code" | "bare",
  pattern: RegExp,
  message: string,
): Finding[] {
  return Array.from(source[where].matchAll(pattern), (match) => ({
    path: source.path,
    line: findLine(source.text, match.index),
    message: message.replace("%", match[0].trim()),
  }));
}
