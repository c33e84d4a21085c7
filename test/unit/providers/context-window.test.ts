import { expect, it } from "vitest";
import { findContextTokens } from "../../../server/providers/context-window.ts";

it("the catalogue's context window, where it knows the model of that provider", () => {
  expect(findContextTokens("openai", "gpt-4o-mini")).toBe(128_000);
  expect(findContextTokens("openai", "gpt-4o-mini")).toBe(128_000);
  expect(findContextTokens("openai", "no-such-model")).toBeNull();
  expect(findContextTokens(null, "gpt-4o-mini")).toBeNull();
});
