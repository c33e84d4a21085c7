import { describe, expect, it } from "vitest";
import {
  type CallBound,
  contextTokensDefault,
  imageTokensMax,
  makeInputBound,
} from "../../../server/core/input-bound.ts";

const context = 128_000;
function boundOf(body: Record<string, unknown>): CallBound & { bytes: number } {
  const bytes = JSON.stringify(body).length;
  return { bytes, ...makeInputBound(body, bytes, context) };
}
const ask = (content: unknown) => ({ messages: [{ role: "user", content }] });

describe("the most that a body can be counted as", () => {
  it.each([
    [{ cache_control: { type: "ephemeral", ttl: "1h" } }, true],
    [{ cache_control: { type: "ephemeral", ttl: "5m" } }, false],
    [{ cache_control: { type: "ephemeral" } }, false],
  ])("a part with %j is cached for an hour: %s", (more, isHourCached) => {
    expect(boundOf(ask([{ type: "text", text: "hi", ...more }])).isHourCached).toBe(isHourCached);
  });

  it("text: its bytes", () => {
    const { bytes, inputTokens, extraOutputTokens } = boundOf(ask("hello"));
    expect([inputTokens, extraOutputTokens]).toEqual([bytes, 0]);
  });

  it.each([
    ["OpenAI's chat", { type: "image_url", image_url: { url: "https://a.example.com/b.png" } }],
    ["OpenAI's responses", { type: "input_image", image_url: "https://a.example.com/b.png" }],
    ["Anthropic's", { type: "image", source: { type: "base64", data: "AAAA" } }],
  ])("an image, %s: a constant, each", (_name, part) => {
    const one = boundOf(ask([part]));
    expect(one.inputTokens).toBe(one.bytes + imageTokensMax);
    const three = boundOf(ask([part, { type: "text", text: "and" }, part, part]));
    expect(three.inputTokens).toBe(three.bytes + 3 * imageTokensMax);
  });

  it.each([
    ["a file by id", ask([{ type: "file", file: { file_id: "file-1" } }])],
    ["a packed file", ask([{ type: "file", file: { file_data: "data:application/pdf;base64,AAAA" } }])],
    ["a file by address", { input: [{ role: "user", content: [{ type: "input_file", file_url: "https://a" }] }] }],
    ["an earlier answer", { input: "more", previous_response_id: "resp_1" }],
    ["a conversation", { input: "more", conversation: { id: "conv_1" } }],
    ["a stored prompt", { prompt: { id: "pmpt_1" } }],
    ["a document by address", ask([{ type: "document", source: { type: "url", url: "https://a" } }])],
    ["an image by a file's id", ask([{ type: "input_image", file_id: "file-1" }])],
    ["search", { ...ask("hello"), tools: [{ type: "web_search" }] }],
    ["files to search", { ...ask("hello"), tools: [{ type: "file_search", vector_store_ids: ["vs_1"] }] }],
    ["what is too deep to see", ask(JSON.parse(`${"[".repeat(200)}${"]".repeat(200)}`))],
  ])("%s: the context window", (_name, body) => {
    expect(boundOf(body).inputTokens).toBeGreaterThanOrEqual(context);
    expect(makeInputBound(body, 10, null).inputTokens).toBeGreaterThanOrEqual(contextTokensDefault);
  });

  it("a document of text is in the body; fields that say nothing are nothing", () => {
    const body = ask([{ type: "document", source: { type: "text", data: "hello" } }]);
    expect(boundOf(body).inputTokens).toBe(boundOf(body).bytes);
    const empty = { ...ask("hello"), previous_response_id: null, conversation: undefined };
    expect(makeInputBound(empty, 50, context).inputTokens).toBe(50);
  });

  it("more bytes than the context window count as they are", () => {
    expect(makeInputBound({ previous_response_id: "r" }, 200_000, context).inputTokens).toBe(200_000);
  });

  it("a prediction is output too, where it was wrong", () => {
    const prediction = { type: "content", content: "é".repeat(100) };
    expect(boundOf({ ...ask("hello"), prediction }).extraOutputTokens).toBeGreaterThanOrEqual(200);
  });
});
