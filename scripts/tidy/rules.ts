import {
  exactMoney,
  noAny,
  noCodeExecution,
  noConsole,
  noMachinePath,
  noSilencedCheck,
  noUnfinished,
  pureCore,
} from "./rules/code.ts";
import { declaredName, fileLength, fileName, noBarrel } from "./rules/files.ts";
import { immutableMigration } from "./rules/immutable-migration.ts";
import { importTable } from "./rules/import-table.ts";
import { luaFolder, singleHomes } from "./rules/single-home.ts";
import { noMock, noSilentSkip, testAsserts } from "./rules/tests.ts";
import { type Finding, parseSource, type Rule } from "./source.ts";

/** The house rules. Each has a folder of its name under `test/fixtures/tidy` that must trip it. */
export const rules: readonly Rule[] = [
  importTable,
  ...singleHomes,
  luaFolder,
  fileLength,
  fileName,
  declaredName,
  noBarrel,
  noAny,
  noSilencedCheck,
  noUnfinished,
  noConsole,
  noCodeExecution,
  noMachinePath,
  exactMoney,
  pureCore,
  noMock,
  noSilentSkip,
  testAsserts,
  immutableMigration,
];

/** Runs every rule on every file; findings in the order of the tree, each with the rule's name. */
export function findBreaches(tree: ReadonlyMap<string, string>): (Finding & { rule: string })[] {
  return [...tree].flatMap(([path, text]) => {
    const source = parseSource(path, text);
    return rules.flatMap((rule) => rule.check(source, tree).map((finding) => ({ rule: rule.name, ...finding })));
  });
}
