import { describe, expect, test } from "vitest";
import { makeCharge, makeFlatRate, type Price } from "../../../server/core/price.ts";
import { noTokens } from "../../../server/core/usage.ts";
import { openPriceBook } from "../../../server/limits/price-book.ts";

const book = openPriceBook(new Map());

describe("the catalogue", () => {
  test("a price is exact and names its source", () => {
    expect(book.find("openai", "gpt-5-mini", "anything")).toEqual({
      id: "genai-prices@0.1.8:openai:gpt-5-mini",
      input: { base: 250_000_000n, tiers: [] },
      output: { base: 2_000_000_000n, tiers: [] },
      cachedInput: { base: 25_000_000n, tiers: [] },
    });
    // A dated name is the same model.
    expect(book.find("openai", "gpt-5-mini-2025-08-07", "x")?.id).toBe("genai-prices@0.1.8:openai:gpt-5-mini");
  });

  test("audio has its own rates", () => {
    const price = book.find("openai", "gpt-audio", "x");
    expect(price?.inputAudio?.base).toBe(32_000_000_000n);
    expect(price?.outputAudio?.base).toBe(64_000_000_000n);
  });

  test("embeddings have no output, which costs nothing", () => {
    const price = book.find("openai", "text-embedding-3-small", "x");
    expect(price?.input.base).toBe(20_000_000n);
    expect(price?.output).toEqual({ base: 0n, tiers: [] });
  });

  test("a price that began at a date is named by it", () => {
    expect(book.find("openai", "o3", "x")?.id).toMatch(/^genai-prices@0\.1\.8:openai:o3@2025-06-10$/);
  });

  test("tiers begin above their start", () => {
    const price = book.find("openai", "gpt-6-sol", "x") as Price;
    const cost = (inputTokens: number): bigint => makeCharge(price, { ...noTokens, inputTokens });
    expect(cost(272_000)).toBe(544_000_000n);
    expect(cost(272_001)).toBe(1_088_004_000n);
  });

  test.each([
    ["openai", "no-such-model"],
    ["openai", ""],
    ["openai", "whisper-1"], // by the hour of audio
    ["openai", "moderation"], // no rates at all
    ["nobody", "gpt-5-mini"],
    [null, "gpt-5-mini"],
  ])("%s %j is unpriced", (catalogueId, model) => {
    expect(book.find(catalogueId, model, "x")).toBeNull();
  });

  test("is asked once for each model", () => {
    expect(book.find("openai", "gpt-5-mini", "a")).toBe(book.find("openai", "gpt-5-mini", "b"));
  });
});

describe("what does not come from the catalogue", () => {
  const override: Price = { id: "config:gpt:00000000", input: makeFlatRate(7n), output: makeFlatRate(8n) };
  const overridden = openPriceBook(
    new Map([
      ["gpt", override],
      ["vllm::llama", override],
      ["echo::dear", override],
    ]),
  );

  test("an override wins, for its model's name only", () => {
    expect(overridden.find("openai", "gpt-5-mini", "gpt")).toBe(override);
    expect(overridden.find(null, "llama", "vllm::llama")).toBe(override);
    expect(overridden.find("echo", "dear", "echo::dear")).toBe(override);
    expect(overridden.find("openai", "gpt", "other")).toBeNull();
    expect(overridden.find(null, "llama", "llama")).toBeNull();
  });

  test("echo is 1 and 2 USD", () => {
    const price = overridden.find("echo", "anything", "echo::anything");
    expect(price).toEqual({
      id: "builtin:echo",
      input: makeFlatRate(1_000_000_000n),
      output: makeFlatRate(2_000_000_000n),
    });
  });
});
