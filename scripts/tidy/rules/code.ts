import { findImports } from "../imports.ts";
import { type Finding, findLine, findMatches, type Rule } from "../source.ts";

export const noAny: Rule = {
  name: "no-any",
  check: (source) =>
    source.isScript
      ? findMatches(
          source,
          "bare",
          // What stands before the word is looked at only where the word is.
          /\bany\b(?<=(?:[:<,|&(=]\s*|\b(?:as|extends|keyof|satisfies)\s+)any)(?!\s*[(:?])/g,
          "`any`; say what it is",
        )
      : [],
};

/** A switch that turns a checker off. Lint and format switches are allowed where `--` gives the reason. */
export const noSilencedCheck: Rule = {
  name: "no-silenced-check",
  check: (source) =>
    source.isScript
      ? findMatches(
          source,
          "text",
          /@ts-(?:ignore|expect-error|nocheck)\b|\b(?:oxlint|eslint)-disable(?:-next-line|-line)?\b(?![^\n]*\s--\s)|\bbiome-ignore\b(?![^\n]*:)/g,
          "% silences a checker",
        )
      : [],
};

export const noUnfinished: Rule = {
  name: "no-unfinished",
  check: (source) =>
    source.path === "package-lock.json"
      ? []
      : findMatches(source, "text", /\b(?:TO(?:DO)|FIX(?:ME)|XX(?:X))\b/g, "% is not finished"),
};

export const noConsole: Rule = {
  name: "no-console",
  check: (source) =>
    source.isScript && source.isProduct
      ? findMatches(source, "bare", /\bconsole\s*\.\s*\w+/g, "%; the product speaks through server/platform/logger.ts")
      : [],
};

/** Start other programs of ours: PostgreSQL from its package's folder, and the roles. */
const starters = /^server\/(main\.ts|platform\/worker-process\.ts|platform\/embedded-postgres\/[\w-]+\.ts)$/;

/** Nothing that comes from a request, the database or the dashboard is ever run as a program or as code. */
export const noCodeExecution: Rule = {
  name: "no-code-execution",
  check(source) {
    if (!source.isScript || !source.isProduct) return [];
    const found: Finding[] = [
      ...findMatches(source, "bare", /\beval\s*\(|\bnew\s+Function\b|(?<![.\w])Function\s*\(/g, "% runs text as code"),
      ...findMatches(source, "bare", /\bimport\s*\(\s*(?!["'`])/g, "an import by value"),
      ...findMatches(
        source,
        "bare",
        /\bcreateRequire\s*\((?!\s*import\.meta\.url\s*\)\s*\.\s*resolve\s*\()/g,
        "% loads by value; `createRequire(import.meta.url).resolve(…)` only finds a file",
      ),
    ];
    for (const { value, index } of source.strings) {
      const name = value.replace(/^node:/, "");
      const mayStart = /^(child_process|cluster)$/.test(name) && starters.test(source.path);
      if (!/^(child_process|cluster|vm|repl|inspector)$/.test(name) || mayStart) continue;
      if (!/(?:\bfrom|\bimport|\()\s*["'`]$/.test(source.text.slice(Math.max(0, index - 20), index))) continue;
      found.push({ path: source.path, line: findLine(source.text, index), message: `${value} runs programs or code` });
    }
    return found;
  },
};

/** Everything in the tree reads the same on every machine. */
export const noMachinePath: Rule = {
  name: "no-machine-path",
  check(source) {
    const places = /(?:\.\.\/|\/)shared\/|(?<![\w.$}*-])\/(?:work|root|Users)\/|(?<![\w.$}*-])\/home\/\w/g;
    const registries =
      /\bhttps?:\/\/[^\s"'/)]*\b(?:registry|artifactory|nexus|verdaccio|mirror)\b[^\s"'/)]*|"resolved"\s*:/g;
    return [
      ...findMatches(source, "text", places, "% is a place on one machine"),
      ...findMatches(source, "text", registries, "% names a registry"),
    ];
  },
};

/** Money is an integer of nano-USD; only the parser of decimal text may see a float. */
export const exactMoney: Rule = {
  name: "exact-money",
  check(source) {
    if (!source.isScript || !source.isProduct || source.path === "server/core/money.ts") return [];
    return [
      ...findMatches(
        source,
        "bare",
        /(?:\bparseFloat|\bNumber|\bMath\.\w+)\s*\(\s*[\w.?![\]]*(?:[uU]sd|USD)\b/g,
        "%: money as a float",
      ),
      ...findMatches(source, "bare", /\b\w*(?:[uU]sd|USD)\??\s*:\s*number\b/g, "%: money is bigint nano-USD"),
    ];
  },
};

/** The core decides from its arguments alone: no clock, no chance, no waiting, no network. Random bytes are an argument. */
export const pureCore: Rule = {
  name: "pure-core",
  check(source) {
    if (!source.isScript || !source.path.startsWith("server/core/")) return [];
    const impure =
      /\bMath\s*\.\s*random\b|\bset(?:Timeout|Interval|Immediate)\b|\bqueueMicrotask\b|(?<![.\w])fetch\s*\(|\bcrypto\s*\./g;
    return [
      ...findMatches(source, "bare", impure, "% makes the core impure"),
      ...findImports(source)
        .filter(({ specifier, names }) => specifier === "node:crypto" && /\brandom|\*|^\w+$/.test(names))
        .map(({ line, names }) => ({
          path: source.path,
          line,
          message: `${names}: import the pure functions by name`,
        })),
    ];
  },
};
