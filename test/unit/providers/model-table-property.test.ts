import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openPriceBook } from "../../../server/limits/price-book.ts";
import { loadConfig } from "../../../server/platform/config.ts";
import { openModelTable } from "../../../server/providers/model-table.ts";
import { anyCharacter } from "../../support/any-character.ts";
import { runsOf } from "../../support/property-runs.ts";
import { makeTestFolder } from "../../support/test-folder.ts";

test("any text finds a model of that very name, or nothing, and never throws", () => {
  const configFile = join(makeTestFolder(), "tollgate.toml");
  writeFileSync(configFile, '[models.fast]\nrouting = ["e"]\n[models.fast.providers.e]\ntype = "echo"\n');
  const env = { TOLLGATE_DATA_DIR: join(dirname(configFile), "data"), OPENAI_API_KEY: "sk-1" };
  const config = loadConfig({ env, configFile, readOnly: true });
  const table = openModelTable(config, openPriceBook(config.prices));
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
    { numRuns: runsOf(5_000) },
  );
  expect(found).toBeGreaterThan(runsOf(100));
});
