import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openPriceBook } from "../../../server/limits/price-book.ts";
import { loadConfig } from "../../../server/platform/config.ts";
import { type ModelTable, openModelTable } from "../../../server/providers/model-table.ts";
import { anyCharacter } from "../../support/any-character.ts";
import { makeTestFolder } from "../../support/test-folder.ts";

function openTable(): ModelTable {
  const configFile = join(makeTestFolder(), "tollgate.toml");
  writeFileSync(configFile, '[models.fast]\nrouting = ["e"]\n[models.fast.providers.e]\ntype = "echo"\n');
  const env = { TOLLGATE_DATA_DIR: join(dirname(configFile), "data"), OPENAI_API_KEY: "sk-1" };
  const config = loadConfig({ env, configFile, readOnly: true });
  return openModelTable(config, openPriceBook(config.prices));
}

test("any text finds a model of that very name, or nothing, and never throws", () => {
  const table = openTable();
  const text = fc.string({ maxLength: 40, unit: anyCharacter });
  const name = fc.oneof(
    text,
    text.map((rest) => `echo::${rest}`),
    text.map((rest) => `tensorzero::model_name::openai::${rest}`),
  );
  let found = 0;
  fc.assert(
    fc.property(name, (sent) => {
      const result = table.find(sent);
      if (result === null) return true;
      found++;
      return sent.endsWith(result.name) && !/[\p{Cc}\p{Cs}]/u.test(result.name);
    }),
    { numRuns: 5_000 },
  );
  expect(found).toBeGreaterThan(100);
});

test("what clients ask for does not pile up", () => {
  const table = openTable();
  const first = table.find("echo::0");
  for (let index = 1; index < 10_000; index++) table.find(`echo::${index}`);
  expect(table.find("echo::0")).toBe(first);
  for (let index = 0; index < 10_000; index++) table.find(`echo::again-${index}`);
  // Forgotten and made again: equal, but another object.
  expect(table.find("echo::0")).toEqual(first);
  expect(table.find("echo::0")).not.toBe(first);
});
