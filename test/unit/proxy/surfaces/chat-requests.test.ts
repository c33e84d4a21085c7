import { describe, expect, it } from "vitest";
import { makeChatRequest as fromMessages } from "../../../../server/proxy/surfaces/anthropic/chat-request.ts";
import { Faults } from "../../../../server/proxy/surfaces/faults.ts";
import { makeChatRequest as fromResponse } from "../../../../server/proxy/surfaces/responses/chat-request.ts";
import { makeInputMessages } from "../../../../server/proxy/surfaces/tensorzero/input-messages.ts";

type Make = (json: Record<string, unknown>, faults: Faults) => unknown;

function run(make: Make, json: Record<string, unknown>): { made: unknown; param: string | null } {
  const faults = new Faults();
  const made = make(json, faults);
  return { made, param: faults.first?.param ?? null };
}

const user = (content: unknown): object[] => [{ role: "user", content }];

describe("a request of Anthropic's", () => {
  it("keeps results of tools before what the user says, and their pictures behind them", () => {
    const image = { type: "image", source: { type: "url", url: "https://a/b.png" } };
    const { made, param } = run(fromMessages, {
      model: "m",
      messages: user([
        { type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "r" }, image], is_error: true },
        { type: "document", source: { type: "text", media_type: "text/plain", data: "d" } },
        { type: "text", text: "And?" },
      ]),
    });
    expect(param).toBeNull();
    expect(made).toMatchObject({
      messages: [
        { role: "tool", tool_call_id: "t", content: "r" },
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: "https://a/b.png" } },
            { type: "text", text: "d" },
            { type: "text", text: "And?" },
          ],
        },
      ],
    });
  });

  it.each([
    ["messages", { messages: 1 }],
    ["messages.0", { messages: [1] }],
    ["messages.0.role", { messages: [{ role: "tool", content: "x" }] }],
    ["messages.0.content", { messages: user(1) }],
    ["messages.0.content.0", { messages: user([{ type: "server_tool_use" }]) }],
    ["messages.0.content.0.source", { messages: user([{ type: "image", source: { type: "file", file_id: "f" } }]) }],
    ["system.0", { system: [{ type: "image" }], messages: [] }],
    ["tools", { messages: [], tools: {} }],
    ["tools.0.type", { messages: [], tools: [{ type: "computer_20250124", name: "c" }] }],
    ["tool_choice.type", { messages: [], tool_choice: { type: "x" } }],
    ["mcp_servers", { messages: [], mcp_servers: [{}] }],
  ])("is refused where nobody could do it, by the name of the field: %s", (param, json) => {
    expect(run(fromMessages, { model: "m", ...json }).param).toBe(param);
  });
});

describe("a response of OpenAI's", () => {
  it("puts the calls of one turn into one message, with what was said before them", () => {
    const call = (id: string): object => ({ type: "function_call", call_id: id, name: "f", arguments: "{}" });
    const { made, param } = run(fromResponse, {
      model: "m",
      input: [
        { role: "assistant", content: [{ type: "output_text", text: "Wait." }] },
        { type: "reasoning", id: "r", summary: [] },
        call("a"),
        call("b"),
        { type: "function_call_output", call_id: "a", output: [{ type: "input_text", text: "1" }] },
      ],
    });
    expect(param).toBeNull();
    expect(made).toMatchObject({
      messages: [
        { role: "assistant", content: "Wait.", tool_calls: [{ id: "a" }, { id: "b" }] },
        { role: "tool", tool_call_id: "a", content: "1" },
      ],
    });
  });

  it.each([
    ["input", { input: 1 }],
    ["instructions", { input: "x", instructions: 1 }],
    ["input.0.role", { input: [{ role: "x", content: "" }] }],
    ["input.0.content", { input: user(1) }],
    ["input.0.content.0", { input: user([{ type: "input_file", file_id: "f" }]) }],
    ["input.0.type", { input: [{ type: "web_search_call" }] }],
    ["text.format.type", { input: "x", text: { format: { type: "grammar" } } }],
    ["tool_choice", { input: "x", tool_choice: { type: "file_search" } }],
    ["prompt", { input: "x", prompt: { id: "p" } }],
  ])("is refused where nobody could do it, by the name of the field: %s", (param, json) => {
    expect(run(fromResponse, { model: "m", ...json }).param).toBe(param);
  });
});

describe("TensorZero's input", () => {
  const make: Make = (json, faults) => makeInputMessages(json.input, null, faults);

  it("takes files, older spellings, and leaves thoughts out", () => {
    const { made, param } = run(make, {
      input: {
        messages: [
          {
            role: "user",
            content: [
              { type: "text", value: "a" },
              { type: "file", mime_type: "image/png", data: "aGk=" },
              { type: "file", mime_type: "application/pdf", data: "aGk=", filename: "a.pdf" },
            ],
          },
          {
            role: "assistant",
            content: [
              { type: "thought", text: "hm" },
              { type: "raw_text", value: "b" },
            ],
          },
        ],
      },
    });
    expect(param).toBeNull();
    expect(made).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "a" },
          { type: "image_url", image_url: { url: "data:image/png;base64,aGk=" } },
          { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,aGk=" } },
        ],
      },
      { role: "assistant", content: "b" },
    ]);
  });

  it.each([
    ["input", 1],
    ["input.mesages", { mesages: [] }],
    ["input.messages", { messages: {} }],
    ["input.messages.0.role", { messages: [{ role: "system", content: "x" }] }],
    ["input.messages.0.content", { messages: user({ a: 1 }) }],
    ["input.messages.0.content.0", { messages: user([{ type: "text", arguments: {} }]) }],
    ["input.messages.0.content.0", { messages: [{ role: "assistant", content: [{ type: "tool_call" }] }] }],
  ])("is refused by the name of the field: %s", (param, input) => {
    expect(run(make, { input }).param).toBe(param);
  });
});
