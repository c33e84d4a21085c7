import path from "node:path";
import { findLine, type Source } from "./source.ts";

export interface Import {
  specifier: string;
  line: number;
  /** `import type { … }`, or every name in the braces marked `type`. */
  isTypeOnly: boolean;
  /** What stands between `import` and `from`, without `type`. */
  names: string;
  /** The path below the root that a relative specifier means; `null` for packages. */
  target: string | null;
  isReExport: boolean;
}

const fromClause = /\b(import|export)\s+(type\s+(?!from\b))?([^;"'`=()]*?)\bfrom\s*["']/g;
const sideEffectOrCall = /\bimport\s*\(?\s*["'`]/g;

const known = new WeakMap<Source, Import[]>();

/** Every static, side-effect, dynamic and type import, and every re-export, of one script. */
export function findImports(source: Source): readonly Import[] {
  let found = known.get(source);
  if (found === undefined) {
    found = readImports(source);
    known.set(source, found);
  }
  return found;
}

function readImports(source: Source): Import[] {
  const found: Import[] = [];
  const add = (match: RegExpMatchArray, isTypeOnly: boolean, names: string): void => {
    const at = (match.index ?? 0) + match[0].length;
    const specifier = source.text.slice(at).match(/^[^"'`\n]*/)?.[0] ?? "";
    const target = /^\.{1,2}(\/|$)/.test(specifier)
      ? path.posix.join(path.posix.dirname(source.path), specifier)
      : null;
    const line = findLine(source.text, match.index ?? 0);
    found.push({ specifier, line, isTypeOnly, names: names.trim(), target, isReExport: match[1] === "export" });
  };
  for (const match of source.bare.matchAll(fromClause)) {
    const names = match[3] ?? "";
    const listed =
      names
        .match(/^\s*\{([^}]*)\}\s*$/)?.[1]
        ?.split(",")
        .filter((name) => name.trim() !== "") ?? [];
    add(match, match[2] !== undefined || (listed.length > 0 && listed.every((name) => /^\s*type\s/.test(name))), names);
  }
  for (const match of source.bare.matchAll(sideEffectOrCall)) add(match, false, "");
  return found;
}

/** The package of a bare specifier: `@scope/name` or `name`; Node's own modules keep their `node:`. */
export function findPackageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}
