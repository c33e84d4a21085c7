import fc from "fast-check";
import { expect, test } from "vitest";
import { isModelName, modelNameLengthMax, parseShorthand } from "../../../server/core/model-name.ts";
import { anyCharacter } from "../../support/any-character.ts";

test("what parseShorthand reads is what was written", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 300, unit: anyCharacter }), (rest) => {
      const found = parseShorthand(`echo::${rest}`);
      const isModel = isModelName(rest) && rest.length <= modelNameLengthMax - "echo::".length;
      expect(found).toEqual(isModel ? { type: "echo", model: rest } : null);
    }),
    { numRuns: 5_000 },
  );
});
