import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isModelAllowed } from "../../../server/core/model-allowlist.ts";

describe("isModelAllowed", () => {
  it.each([
    [["*"], "openai::gpt-5-mini", true],
    [[], "openai::gpt-5-mini", false],
    [["openai::*"], "openai::gpt-5-mini", true],
    [["openai::*"], "echo::x", false],
    [["*", "!openai::gpt-5*"], "openai::gpt-5-mini", false],
    [["!openai::gpt-5*", "*"], "openai::gpt-4o", true],
    [["!echo::x"], "echo::y", false],
    [["a*b*c"], "axxbyyc", true],
    [["a*b*c"], "ac", false],
    [["a*ba"], "aba", true],
    [["ab*ba"], "aba", false],
    [["gpt-4o"], "gpt-4o-mini", false],
  ])("%j allows %s: %s", (patterns, model, expected) => {
    expect(isModelAllowed(patterns, model)).toBe(expected);
  });

  it("agrees with a regular expression on random patterns", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
    const names = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 10 });
    fc.assert(
      fc.property(letters, names, (pattern, name) => {
        const oracle = new RegExp(`^${pattern.replaceAll("*", ".*")}$`).test(name);
        expect(isModelAllowed([pattern], name)).toBe(oracle);
      }),
      { numRuns: 20_000 },
    );
  });

  it("does not backtrack over a hostile name", () => {
    expect(isModelAllowed([`${"a*".repeat(50)}b`], "a".repeat(100_000))).toBe(false);
  });
});
