import { type Finding, findMatches, type Rule, type Source } from "../source.ts";

const forbiddenWord = /^(utils?|helpers?|common|managers?|services?|impl)$/;
/** Names that a tool or a custom prescribes. */
const prescribed =
  /^(README|CHANGELOG|CONTRIBUTING|ARCHITECTURE|LICENSE|Dockerfile|RESULTS)(\.md)?$|^_journal\.json$|^\d{4}_snapshot\.json$/;
const kebab = /^\.?[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$/;
const migration = /^\d{4}_[a-z0-9]+(_[a-z0-9]+)*\.sql$/;

function isSourceFile(source: Source): boolean {
  return source.isScript || /\.(sql|lua)$/.test(source.path);
}

export const fileLength: Rule = {
  name: "file-length",
  check(source) {
    const max = source.isTest ? 500 : 300;
    const lines = source.text.split("\n").length - (source.text.endsWith("\n") ? 1 : 0);
    if (!isSourceFile(source) || source.path.startsWith("db/migrations/") || lines <= max) return [];
    return [{ path: source.path, line: 1, message: `${lines} lines; at most ${max}` }];
  },
};

export const fileName: Rule = {
  name: "file-name",
  check({ path }) {
    const findings: Finding[] = [];
    for (const name of path.split("/")) {
      if (prescribed.test(name)) continue;
      const isNamedWell = path.startsWith("db/migrations/") && name.endsWith(".sql") ? migration : kebab;
      if (!isNamedWell.test(name)) findings.push({ path, line: 1, message: `${name} is not kebab-case` });
      if (name.split(/[.-]/).some((word) => forbiddenWord.test(word))) {
        findings.push({ path, line: 1, message: `${name} says nothing about what is inside` });
      }
    }
    return findings;
  },
};

export const declaredName: Rule = {
  name: "declared-name",
  check: (source) =>
    source.isScript
      ? findMatches(
          source,
          "bare",
          /\b(class|interface|type|function|const|let)\s+\w*(Manager|Service|Impl|Helpers?|Utils?)\b/g,
          "%: name what it is",
        )
      : [],
};

/** A file that only passes on what others export hides where things are. */
export const noBarrel: Rule = {
  name: "no-barrel",
  check(source) {
    if (!source.isScript) return [];
    const rest = source.bare
      .replace(/\bexport\s+(type\s+)?(\*(\s+as\s+\w+)?|\{[^}]*\})\s*from\s*(["'])\s*\4\s*;?/g, "")
      .replace(/\bimport\b[^;]*;/g, "")
      .replace(/\bexport\s+(type\s+)?\{[^}]*\}\s*;?/g, "");
    const isIndex = /(^|\/)index\.(ts|tsx|mts|js|mjs)$/.test(source.path);
    const isBarrel = rest.trim() === "" && /\bexport\b/.test(source.bare);
    return isIndex || isBarrel
      ? [{ path: source.path, line: 1, message: "a barrel; import from where the thing stands" }]
      : [];
  },
};
