import { EventStreamCodec, type MessageHeaders } from "@smithy/eventstream-codec";

/** Whose words an answer is in. Written by hand from each provider's public API reference. */
export type RecordedWire = "openai" | "anthropic" | "bedrock" | "bedrock_messages" | "gemini";
/** `json_tool`: a model that gives its JSON as the input of a tool of that name, where it cannot be held to a schema else. */
export type RecordedScenario = "text" | "tools" | "json" | "json_tool" | "reasoning";

/** What every recorded answer says, whatever the words. */
export const recorded = {
  text: ["Grüße ", "an 🌍"],
  json: ['{"city":', '"Paris"}'],
  thought: "Let me think.",
  signature: "c2lnbmF0dXJl",
  tool: { id: "call_1", name: "weather", arguments: { city: "Paris" } },
  /** `hourWrite`: of `cacheWrite`, where a wire tells. */
  usage: { input: 100, cached: 50, cacheWrite: 30, hourWrite: 10, output: 12, reasoning: 5 },
} as const;

const { usage, tool } = recorded;
const plainInput = usage.input - usage.cached - usage.cacheWrite;
const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("utf8")),
  (text) => Buffer.from(text, "utf8"),
);

export interface RecordedAnswer {
  contentType: string;
  body: Buffer;
}

/** Makes the answer of one provider: whole JSON, or its stream. */
export function makeRecorded(wire: RecordedWire, scenario: RecordedScenario, stream: boolean): RecordedAnswer {
  switch (wire) {
    case "openai":
      return stream
        ? sse(
            openAiEvents(scenario).map((event) => [null, event]),
            true,
          )
        : json(openAiAnswer(scenario));
    case "anthropic":
      return stream
        ? sse(anthropicEvents(scenario).map((event) => [String(event.type), event]))
        : json(anthropicAnswer(scenario));
    case "bedrock_messages":
      return stream
        ? frames(anthropicEvents(scenario).map((event) => ["chunk", wrap(event)]))
        : json(anthropicAnswer(scenario));
    case "bedrock":
      return stream ? frames(converseEvents(scenario)) : json(converseAnswer(scenario));
    case "gemini":
      return stream
        ? sse(geminiEvents(scenario).map((event) => [null, event]))
        : json(geminiEvents(scenario, true)[0] as object);
  }
}

/** One message of Amazon's event stream. */
export function makeFrame(type: string, body: object, messageType: "event" | "exception" = "event"): Buffer {
  const headers: MessageHeaders = {
    [messageType === "event" ? ":event-type" : ":exception-type"]: { type: "string", value: type },
    ":content-type": { type: "string", value: "application/json" },
    ":message-type": { type: "string", value: messageType },
  };
  return Buffer.from(codec.encode({ headers, body: Buffer.from(JSON.stringify(body)) }));
}

/** Anthropic's event as Bedrock wraps it. */
export function wrap(event: object): object {
  return { bytes: Buffer.from(JSON.stringify(event)).toString("base64"), p: "abcd" };
}

type Event = Record<string, unknown>;

function json(value: object): RecordedAnswer {
  return { contentType: "application/json", body: Buffer.from(JSON.stringify(value)) };
}

function sse(events: [string | null, object][], done = false): RecordedAnswer {
  const text = events.map(
    ([name, event]) => `${name === null ? "" : `event: ${name}\n`}data: ${JSON.stringify(event)}\n\n`,
  );
  return { contentType: "text/event-stream", body: Buffer.from(text.join("") + (done ? "data: [DONE]\n\n" : "")) };
}

function frames(events: [string, object][]): RecordedAnswer {
  const body = Buffer.concat(events.map(([type, event]) => makeFrame(type, event)));
  return { contentType: "application/vnd.amazon.eventstream", body };
}

function textsOf(scenario: RecordedScenario): readonly string[] {
  if (scenario === "json") return recorded.json;
  return scenario === "tools" || scenario === "json_tool" ? [] : recorded.text;
}

const openAiUsage = {
  prompt_tokens: usage.input,
  completion_tokens: usage.output,
  total_tokens: usage.input + usage.output,
  prompt_tokens_details: { cached_tokens: usage.cached, cache_write_tokens: usage.cacheWrite },
  completion_tokens_details: { reasoning_tokens: usage.reasoning },
};
const openAiCall = {
  id: tool.id,
  type: "function",
  function: { name: tool.name, arguments: JSON.stringify(tool.arguments) },
};

function openAiAnswer(scenario: RecordedScenario): object {
  const calls = scenario === "tools" ? { tool_calls: [openAiCall] } : {};
  const content = scenario === "tools" ? null : textsOf(scenario).join("");
  const thought = scenario === "reasoning" ? { reasoning_content: recorded.thought } : {};
  const message = { role: "assistant", content, ...thought, ...calls };
  const finish_reason = scenario === "tools" ? "tool_calls" : "stop";
  const choices = [{ index: 0, message, finish_reason }];
  return { id: "chatcmpl-1", object: "chat.completion", created: 1, model: "m", choices, usage: openAiUsage };
}

function openAiEvents(scenario: RecordedScenario): Event[] {
  const head = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m" };
  const chunk = (delta: object, finish_reason: string | null = null): Event => ({
    ...head,
    choices: [{ index: 0, delta, finish_reason }],
  });
  const events = [chunk({ role: "assistant", content: "" })];
  if (scenario === "reasoning") events.push(chunk({ reasoning_content: recorded.thought }));
  for (const text of textsOf(scenario)) events.push(chunk({ content: text }));
  if (scenario === "tools") events.push(chunk({ tool_calls: [{ index: 0, ...openAiCall }] }));
  events.push(chunk({}, scenario === "tools" ? "tool_calls" : "stop"));
  return [...events, { ...head, choices: [], usage: openAiUsage }];
}

const anthropicUsage = {
  input_tokens: plainInput,
  cache_creation_input_tokens: usage.cacheWrite,
  cache_creation: {
    ephemeral_5m_input_tokens: usage.cacheWrite - usage.hourWrite,
    ephemeral_1h_input_tokens: usage.hourWrite,
  },
  cache_read_input_tokens: usage.cached,
};
const anthropicOutput = { output_tokens: usage.output, output_tokens_details: { thinking_tokens: usage.reasoning } };

function anthropicBlocks(scenario: RecordedScenario): Event[] {
  const thinking = { type: "thinking", thinking: recorded.thought, signature: recorded.signature };
  const name = scenario === "json_tool" ? "json" : tool.name;
  const call = { type: "tool_use", id: tool.id, name, input: tool.arguments };
  const text = textsOf(scenario).join("");
  return [
    ...(scenario === "reasoning" ? [thinking] : []),
    ...(text === "" ? [] : [{ type: "text", text }]),
    ...(scenario === "tools" || scenario === "json_tool" ? [call] : []),
  ];
}

function anthropicAnswer(scenario: RecordedScenario): object {
  return {
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "claude-sonnet-4-5",
    content: anthropicBlocks(scenario),
    stop_reason: scenario === "tools" || scenario === "json_tool" ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: { ...anthropicUsage, ...anthropicOutput },
  };
}

function anthropicEvents(scenario: RecordedScenario): Event[] {
  const events: Event[] = [
    {
      type: "message_start",
      message: {
        id: "msg_1",
        type: "message",
        role: "assistant",
        model: "claude-sonnet-4-5",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { ...anthropicUsage, output_tokens: 1 },
      },
    },
    { type: "ping" },
  ];
  const add = (index: number, content_block: Event, deltas: Event[]): void => {
    events.push({ type: "content_block_start", index, content_block });
    for (const delta of deltas) events.push({ type: "content_block_delta", index, delta });
    events.push({ type: "content_block_stop", index });
  };
  if (scenario === "reasoning") {
    add(0, { type: "thinking", thinking: "", signature: "" }, [
      { type: "thinking_delta", thinking: recorded.thought },
      { type: "signature_delta", signature: recorded.signature },
    ]);
  }
  const texts = textsOf(scenario).map((text) => ({ type: "text_delta", text }));
  if (texts.length > 0) add(scenario === "reasoning" ? 1 : 0, { type: "text", text: "" }, texts);
  if (scenario === "tools" || scenario === "json_tool") {
    const name = scenario === "json_tool" ? "json" : tool.name;
    add(0, { type: "tool_use", id: tool.id, name, input: {} }, [
      { type: "input_json_delta", partial_json: "" },
      { type: "input_json_delta", partial_json: '{"city":' },
      { type: "input_json_delta", partial_json: '"Paris"}' },
    ]);
  }
  const stop_reason = scenario === "tools" || scenario === "json_tool" ? "tool_use" : "end_turn";
  events.push({ type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: anthropicOutput });
  return [...events, { type: "message_stop" }];
}

const converseUsage = {
  inputTokens: plainInput,
  outputTokens: usage.output,
  totalTokens: usage.input + usage.output,
  cacheReadInputTokens: usage.cached,
  cacheWriteInputTokens: usage.cacheWrite,
  cacheDetails: [
    { ttl: "5m", inputTokens: usage.cacheWrite - usage.hourWrite },
    { ttl: "1h", inputTokens: usage.hourWrite },
  ],
};
const metrics = { metrics: { latencyMs: 42 } };

function converseAnswer(scenario: RecordedScenario): object {
  const thought = { reasoningText: { text: recorded.thought, signature: recorded.signature } };
  const content = [
    ...(scenario === "reasoning" ? [{ reasoningContent: thought }] : []),
    ...(scenario === "tools" ? [] : [{ text: textsOf(scenario).join("") }]),
    ...(scenario === "tools" ? [{ toolUse: { toolUseId: tool.id, name: tool.name, input: tool.arguments } }] : []),
  ];
  const stopReason = scenario === "tools" ? "tool_use" : "end_turn";
  return { output: { message: { role: "assistant", content } }, stopReason, usage: converseUsage, ...metrics };
}

function converseEvents(scenario: RecordedScenario): [string, object][] {
  const events: [string, object][] = [["messageStart", { role: "assistant" }]];
  const delta = (contentBlockIndex: number, value: object): void => {
    events.push(["contentBlockDelta", { contentBlockIndex, delta: value }]);
  };
  const stop = (contentBlockIndex: number): void => {
    events.push(["contentBlockStop", { contentBlockIndex }]);
  };
  if (scenario === "reasoning") {
    delta(0, { reasoningContent: { text: recorded.thought } });
    delta(0, { reasoningContent: { signature: recorded.signature } });
    stop(0);
  }
  const index = scenario === "reasoning" ? 1 : 0;
  for (const text of textsOf(scenario)) delta(index, { text });
  if (scenario === "tools") {
    const start = { toolUse: { toolUseId: tool.id, name: tool.name } };
    events.push(["contentBlockStart", { contentBlockIndex: 0, start }]);
    delta(0, { toolUse: { input: '{"city":' } });
    delta(0, { toolUse: { input: '"Paris"}' } });
  }
  stop(index);
  events.push(["messageStop", { stopReason: scenario === "tools" ? "tool_use" : "end_turn" }]);
  return [...events, ["metadata", { usage: converseUsage, ...metrics }]];
}

const geminiUsage = {
  promptTokenCount: usage.input,
  cachedContentTokenCount: usage.cached,
  candidatesTokenCount: usage.output - usage.reasoning,
  thoughtsTokenCount: usage.reasoning,
  totalTokenCount: usage.input + usage.output,
};

function geminiEvents(scenario: RecordedScenario, whole = false): Event[] {
  const call = { functionCall: { name: tool.name, args: tool.arguments }, thoughtSignature: recorded.signature };
  const parts = [
    ...(scenario === "reasoning" ? [{ text: recorded.thought, thought: true }] : []),
    ...textsOf(scenario).map((text) => ({ text })),
    ...(scenario === "tools" ? [call] : []),
  ];
  const chunk = (own: object[], isLast: boolean): Event => ({
    candidates: [{ content: { role: "model", parts: own }, index: 0, ...(isLast ? { finishReason: "STOP" } : {}) }],
    ...(isLast ? { usageMetadata: geminiUsage } : {}),
    modelVersion: "gemini-2.5-flash",
    responseId: "r1",
  });
  if (whole) return [chunk(parts, true)];
  return parts.map((part, index) => chunk([part], index === parts.length - 1));
}
