import { describe, expect, it } from "vitest";
import { noTokens } from "../../../../server/core/usage.ts";
import { makeMessage } from "../../../../server/proxy/surfaces/anthropic/message-answer.ts";
import { MessageStream } from "../../../../server/proxy/surfaces/anthropic/message-stream.ts";

const call = { id: "01a216bb-c298-7bcf-9a2f-9a2f30ce9440", atMs: 0 };
const usage = { ...noTokens, inputTokens: 5, cachedInputTokens: 2, outputTokens: 3, reasoningTokens: 4 };
const facts = { ...call, usage, costNanoUsd: null };
const asked = { model: "m", stopSequences: ["END"], wantsThoughts: true };

function play(deltas: readonly object[], finish: string | null, wantsThoughts = true): Record<string, unknown>[] {
  const stream = new MessageStream(call, { ...asked, wantsThoughts });
  let text = "";
  for (const delta of deltas) text += stream.push({ choices: [{ delta, finish_reason: null }] });
  text += stream.push({ choices: [{ delta: {}, finish_reason: finish }] }) + stream.push({ choices: [], usage: {} });
  text += stream.end(facts);
  return text
    .split("\n\n")
    .filter((event) => event !== "")
    .map((event) => {
      const [head = "", data = ""] = event.split("\n");
      const parsed = JSON.parse(data.replace("data: ", "")) as Record<string, unknown>;
      expect(head).toBe(`event: ${parsed.type}`);
      return parsed;
    });
}

const tool = (index: number, more: object): object => ({ tool_calls: [{ index, ...more }] });

describe("Anthropic's events", () => {
  it("open and close one block after the other: a thought, text, two calls", () => {
    const events = play(
      [
        { role: "assistant", content: "" },
        { reasoning_content: "hm" },
        { content: "So" },
        { content: "." },
        tool(0, { id: "c0", function: { name: "a", arguments: "" } }),
        tool(0, { function: { arguments: '{"x":' } }),
        tool(0, { function: { arguments: "1}" } }),
        tool(1, { id: "c1", function: { name: "b", arguments: "{}" } }),
      ],
      "tool_calls",
    );
    expect(events.map(({ type, index }) => (index === undefined ? type : `${type} ${index}`))).toEqual([
      "message_start",
      "content_block_start 0",
      "content_block_delta 0",
      "content_block_stop 0",
      "content_block_start 1",
      "content_block_delta 1",
      "content_block_delta 1",
      "content_block_stop 1",
      "content_block_start 2",
      "content_block_delta 2",
      "content_block_delta 2",
      "content_block_stop 2",
      "content_block_start 3",
      "content_block_delta 3",
      "content_block_stop 3",
      "message_delta",
      "message_stop",
    ]);
    expect(events.at(-2)).toEqual({
      type: "message_delta",
      delta: { stop_reason: "tool_use", stop_sequence: null },
      usage: { input_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 2, output_tokens: 7 },
    });
  });

  it("are a whole message also where nothing was said", () => {
    expect(play([], "length").map(({ type }) => type)).toEqual(["message_start", "message_delta", "message_stop"]);
  });

  it("tell thoughts only where they were asked for", () => {
    expect(JSON.stringify(play([{ reasoning: "hm" }, { content: "So" }], "stop", false))).not.toContain("hm");
  });

  it("break where pieces of two calls are mixed, instead of losing one", () => {
    expect(() =>
      play(
        [
          tool(0, { id: "c0", function: { name: "a" } }),
          tool(1, { id: "c1" }),
          tool(0, { function: { arguments: "x" } }),
        ],
        null,
      ),
    ).toThrow("mixed");
  });
});

describe("a message", () => {
  it.each([
    ["stop", {}, "end_turn", null],
    ["length", {}, "max_tokens", null],
    ["content_filter", {}, "refusal", null],
    ["stop", { stop_reason: "END" }, "stop_sequence", "END"],
    ["stop", { stop_reason: 128009 }, "end_turn", null],
  ])("says why it ended: %s %j", (reason, more, stopReason, sequence) => {
    const chat = { choices: [{ message: { content: "x" }, finish_reason: reason, ...more }] };
    expect(makeMessage(chat, facts, asked)).toMatchObject({ stop_reason: stopReason, stop_sequence: sequence });
  });

  it("cannot be made of what is no completion, or of a call whose arguments are no JSON", () => {
    expect(() => makeMessage({ choices: [] }, facts, asked)).toThrow("no choice");
    const message = { tool_calls: [{ id: "c", function: { name: "a", arguments: "{" } }] };
    expect(() => makeMessage({ choices: [{ message }] }, facts, asked)).toThrow(SyntaxError);
  });
});
