import { describe, expect, it } from "vitest";
import { countInputTokens } from "../../../server/providers/token-count.ts";

const ask = (content: unknown, more: Record<string, unknown> = {}) => ({
  model: "any",
  messages: [{ role: "user", content }],
  ...more,
});

describe("input tokens by the model's own tokenizer", () => {
  it("counts text and a margin: close to what OpenAI's own counting gives", async () => {
    // OpenAI's cookbook: these two messages are 24 prompt tokens of gpt-4o.
    const messages = [
      { role: "system", content: "You are a helpful assistant." },
      { role: "user", content: "Tell me a fun fact." },
    ];
    const tokens = (await countInputTokens({ messages }, "gpt-4o-mini")) ?? 0;
    expect(tokens).toBeGreaterThanOrEqual(22);
    expect(tokens).toBeLessThanOrEqual(22 + 32 + 2 * 8);
  });

  it("a long text: within two per cent of a quarter of its bytes", async () => {
    const text = "The quick brown fox jumps over the lazy dog. ".repeat(2_000);
    const tokens = (await countInputTokens(ask(text), "gpt-5-mini")) ?? 0;
    // Ten tokens a sentence; chunks and the margin add a few.
    expect(tokens).toBeGreaterThanOrEqual(20_000);
    expect(tokens).toBeLessThan(20_400);
  });

  it("parts, several prompts, tokens that were made by the client", async () => {
    expect(await countInputTokens(ask([{ type: "text", text: "hello" }]), "gpt-4o")).toBeGreaterThan(0);
    expect(await countInputTokens({ prompt: "hello" }, "gpt-3.5-turbo-instruct")).toBe(34);
    expect(await countInputTokens({ input: ["hello", "hello"] }, "text-embedding-3-small")).toBe(32 + 2 * (2 + 8));
    expect(await countInputTokens({ input: [1, 2, 3] }, "text-embedding-3-small")).toBe(35);
    expect(await countInputTokens({ input: [[1, 2], [3]] }, "text-embedding-3-small")).toBe(32 + 3 + 16);
  });

  it("what looks like a control token is text", async () => {
    const plain = (await countInputTokens(ask("<|endoftext|>".repeat(10)), "gpt-4o")) ?? 0;
    expect(plain).toBeGreaterThan(32 + 8 + 50);
  });

  it("runs without a space count as their bytes, and take no time", async () => {
    const startedAt = performance.now();
    const tokens = await countInputTokens(ask("a".repeat(500_000)), "gpt-4o");
    expect(tokens).toBeGreaterThan(500_000);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  it("dated and fine-tuned models have the tokenizer of their base", async () => {
    const base = await countInputTokens(ask("hello there"), "gpt-4o-mini");
    expect(await countInputTokens(ask("hello there"), "gpt-4o-mini-2024-07-18")).toBe(base);
    expect(await countInputTokens(ask("hello there"), "ft:gpt-4o-mini:acme::abc")).toBe(base);
  });

  it.each([
    "claude-sonnet-4-5",
    "gpt-4o-audio-preview",
    "gpt-4o-search-preview",
    "o3-deep-research",
    "gpt-9",
    "gpt-5.9",
    "llama-3",
    "",
  ])("no count for %j", async (model) => {
    expect(await countInputTokens(ask("hello"), model)).toBeNull();
  });

  it.each([
    ["tools", ask("hello", { tools: [{ type: "function" }] })],
    ["a schema", ask("hello", { response_format: { type: "json_schema" } })],
    ["a field that nobody knows", ask("hello", { surprise: 1 })],
    ["an image", ask([{ type: "image_url", image_url: { url: "http://a" } }])],
    ["a file", ask([{ type: "file", file: { file_id: "f" } }])],
    ["tool calls", { messages: [{ role: "assistant", content: null, tool_calls: [] }] }],
    ["no prompt", {}],
    ["a prompt that is none", { prompt: { id: "pmpt_1" } }],
    ["a message that is none", { messages: ["hello"] }],
    ["a megabyte and more", ask("hello ".repeat(200_000))],
  ])("no count with %s", async (_name, json) => {
    expect(await countInputTokens(json, "gpt-4o")).toBeNull();
  });
});
