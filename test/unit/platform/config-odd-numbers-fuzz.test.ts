import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../../../server/platform/config.ts";
import { ConfigError } from "../../../server/platform/config-error.ts";

/**
 * BARS.md C15, the config file: every number of the example, each written as what is no such number. (-0 is 0 in TOML, by
 * its specification.)
 */
const odd = [
  "nan",
  "+nan",
  "inf",
  "-inf",
  "1e308",
  "-1e308",
  "9007199254740993",
  '"１"',
  '"NaN"',
  '"1e308"',
  "[1]",
  "true",
];
const example = readFileSync(new URL("../../../tollgate.example.toml", import.meta.url), "utf8");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-config-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function listMistakes(toml: string): string[] {
  const configFile = join(folder, "tollgate.toml");
  writeFileSync(configFile, toml);
  try {
    loadConfig({ env: { TOLLGATE_DATA_DIR: join(folder, "data") }, configFile, readOnly: true });
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

/** Settings of one line that are a number, in a comment or not, with the table that they stand in. */
function listNumbers(): { table: string; name: string }[] {
  let table = "";
  return example.split("\n").flatMap((line) => {
    const text = line.replace(/^#\s?/, "");
    if (/^\[.+\]/.test(text)) table = text.replace(/\s*#.*/, "");
    const name = /^([a-z_]+)\s*=\s*[\d_.]+\s*(#.*)?$/.exec(text)?.[1];
    return name === undefined || table === "" ? [] : [{ table, name }];
  });
}

test("no odd number gets into the configuration", () => {
  const taken: string[] = [];
  const numbers = listNumbers();
  for (const { table, name } of numbers) {
    for (const value of odd) {
      const mistakes = listMistakes(`${table}\n${name} = ${value}\n`);
      const isNamed = mistakes.some((line) => line.includes(name) || /TOML|line 2/i.test(line));
      if (!isNamed) taken.push(`${table} ${name} = ${value}: ${mistakes.join(" | ")}`);
    }
  }
  console.info(`C15: ${numbers.length} settings, ${numbers.length * odd.length} odd numbers`);
  expect(taken).toEqual([]);
  expect(numbers.length).toBeGreaterThan(20);
});
