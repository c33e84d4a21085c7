import { findImports } from "../imports.ts";
import { type Finding, findLine, findMatches, type Rule, type Source } from "../source.ts";

function isTestFile(source: Source): boolean {
  return source.isScript && /\.(test|spec)\.tsx?$/.test(source.path);
}

/** Our own code is never replaced in a test; the provider is a real server, the stores are real. */
export const noMock: Rule = {
  name: "no-mock",
  check: (source) =>
    source.isScript && source.isTest
      ? findMatches(
          source,
          "bare",
          /\bvi\s*\.\s*(?:mock|doMock|hoisted|stubGlobal|importMock)\b|\bjest\s*\./g,
          "% replaces what should be tested",
        )
      : [],
};

/** A test that does not run is told at the end of the run: conditional skips go through the ledger, others are forbidden. */
export const noSilentSkip: Rule = {
  name: "no-silent-skip",
  check(source) {
    if (!source.isScript || !source.isTest) return [];
    const recordsSkips = findImports(source).some(({ names }) => /\brecordSkip\b/.test(names));
    const never =
      /\b(?:it|test|describe|suite|bench)(?:\s*\.\s*\w+)*\s*\.\s*(?:skip|only|todo|fails)\b|(?<![.\w])x(?:it|test|describe)\s*\(/g;
    const conditional =
      /\.\s*(?:skipIf|runIf)\b|(?<!\.\s*)\b(?:ctx|context|task|t)\s*\.\s*skip\s*\(|\{[^{}]*\bskip\b[^{}]*\}\s*\)\s*=>/g;
    return [
      ...findMatches(source, "bare", never, "% hides a test"),
      ...(recordsSkips ? [] : findMatches(source, "bare", conditional, "% without recordSkip(lane, reason)")),
    ];
  },
};

/** The index after the bracket that closes the one at `start`; `bare` text has none inside strings. */
function findClose(bare: string, start: number): number {
  let depth = 0;
  for (let i = start; i < bare.length; i++) {
    if (bare[i] === "(") depth++;
    if (bare[i] === ")" && --depth === 0) return i + 1;
  }
  return bare.length;
}

/** A local called `test` has other members than these. */
const testHead = /(?<![.\w])(?:it|test)(?:\s*\.\s*(?:each|for|concurrent|sequential|skipIf|runIf|extend))*\s*(?=[(`])/g;

/** Every `it(…)`, `test(…)` and `it.each(…)(…)` with all that stands in its brackets. */
function findTestCalls(bare: string): { index: number; body: string }[] {
  return Array.from(bare.matchAll(testHead), ({ index, 0: head }) => {
    let end = index + head.length;
    if (bare[end] === "`") end = bare.indexOf("`", end + 1) + 1;
    while (/^\s*\(/.test(bare.slice(end, end + 40))) end = findClose(bare, bare.indexOf("(", end));
    return { index, body: bare.slice(index + head.length, end) };
  });
}

const assertion = /\b(?:expect|assert)\w*\s*(?:<[^<>()]*>)?\s*[(.]/;

/** Names of the file's own functions that assert; a test may leave its assertions to one. */
function findAssertingNames(bare: string): string[] {
  const starts = [...bare.matchAll(/^(?:export\s+)?(?:async\s+)?(?:function\s*\*?\s*|const\s+)(\w+)/gm)];
  return starts
    .filter((match, position) => assertion.test(bare.slice(match.index, starts[position + 1]?.index ?? bare.length)))
    .map((match) => match[1] as string)
    .filter((name) =>
      new RegExp(
        `^(?:export\\s+)?(?:async\\s+)?(?:function|const)\\s*\\*?\\s*${name}\\b[^=;]*(?:\\{|=[^;]*=>)`,
        "m",
      ).test(bare),
    );
}

export const testAsserts: Rule = {
  name: "test-asserts",
  check(source) {
    if (!isTestFile(source)) return [];
    const calls = findTestCalls(source.bare);
    if (calls.length === 0) return [{ path: source.path, line: 1, message: "a test file without a test" }];
    const names = findAssertingNames(source.bare);
    const delegated = names.length === 0 ? null : new RegExp(`\\b(?:${names.join("|")})\\s*\\(`);
    const findings: Finding[] = [];
    for (const { index, body } of calls) {
      if (assertion.test(body) || delegated?.test(body)) continue;
      findings.push({ path: source.path, line: findLine(source.text, index), message: "a test that asserts nothing" });
    }
    return findings;
  },
};
