import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { findBreaches, rules } from "../scripts/tidy/rules.ts";
import { loadTree } from "../scripts/tidy/tree.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const fixtures = join(root, "test/fixtures/tidy");

/** A fixture folder is a small tree; its files end in `.fixture`, so that no other tool takes them for code. */
function loadFixture(rule: string): Map<string, string> {
  return new Map([...loadTree(join(fixtures, rule))].map(([path, text]) => [path.replace(/\.fixture$/, ""), text]));
}

/** The lines that say `trips`. */
function findMarkedLines(tree: ReadonlyMap<string, string>): string[] {
  return [...tree].flatMap(([path, text]) =>
    text.split("\n").flatMap((line, index) => (/\btrips\b/.test(line) ? [`${path}:${index + 1}`] : [])),
  );
}

describe("the tree", () => {
  const tree = loadTree(root);

  it("is read whole", () => {
    expect(tree.size).toBeGreaterThan(50);
    for (const path of ["server/core/error.ts", "db/migrate.ts", "package.json", ".ci/run", "test/tidy.test.ts"]) {
      expect(tree.has(path), path).toBe(true);
    }
    expect([...tree.keys()].filter((path) => path.includes("node_modules") || path.includes("fixtures"))).toEqual([]);
  });

  it("breaks no house rule", () => {
    const breaches = findBreaches(tree).map(({ rule, path, line, message }) => `${path}:${line} ${message} [${rule}]`);
    expect(breaches).toEqual([]);
  });
});

describe("each rule", () => {
  it("has a fixture, and each fixture a rule", () => {
    expect(readdirSync(fixtures).sort()).toEqual(rules.map((rule) => rule.name).sort());
  });

  it.each(rules.map((rule) => rule.name))("%s finds the marked lines of its fixture and nothing else", (name) => {
    const tree = loadFixture(name);
    const marked = findMarkedLines(tree);
    expect(marked.length).toBeGreaterThan(0);
    const found = findBreaches(tree);
    expect(found.filter(({ rule }) => rule !== name)).toEqual([]);
    expect([...new Set(found.map(({ path, line }) => `${path}:${line}`))].sort()).toEqual(marked.sort());
  });
});
