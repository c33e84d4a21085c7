import { calcPrice } from "@pydantic/genai-prices";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeCharge } from "../../../server/core/price.ts";
import { noTokens } from "../../../server/core/usage.ts";
import { openPriceBook } from "../../../server/limits/price-book.ts";
import { anyCharacter } from "../../support/any-character.ts";

const book = openPriceBook(new Map());
const provider = calcPrice({ input_tokens: 1 }, "gpt-5-mini", { providerId: "openai" })?.provider;
const catalogueModels = provider?.models.map((model) => model.id) ?? [];

describe("the catalogue", () => {
  test("every model of it costs what its own calculator says, on both sides of each tier", () => {
    let compared = 0;
    for (const model of catalogueModels) {
      const price = book.find("openai", model, "x");
      if (price === null) continue;
      for (const tokens of [1, 999, 271_999, 272_000, 272_001, 1_000_000]) {
        const theirs = calcPrice({ input_tokens: tokens, output_tokens: 1000 }, model, { providerId: "openai" });
        const ours = makeCharge(price, { ...noTokens, inputTokens: tokens, outputTokens: 1000 });
        // Their sum is a float, ours is rounded up to the nano-USD.
        expect(Math.abs(Number(ours) - (theirs?.total_price ?? Number.NaN) * 1e9), `${model} ${tokens}`).toBeLessThan(
          1.001,
        );
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(400);
  });

  test("any name of a model gives a price or none, and never throws", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 256, unit: anyCharacter }), (name) => {
        const price = book.find("openai", name, name);
        return price === null || price.input.base > 0n;
      }),
      { numRuns: 1_000 },
    );
  });
});
