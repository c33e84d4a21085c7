/** What is known about a stream without reading it: written down beside it, not computed by the code under test. */
export interface SseStream {
  name: string;
  bytes: Buffer;
  /** Input and output tokens of the last usage report; `null` where it holds none; `"bad"` where it cannot be true. */
  usage: { input: number; output: number } | "bad" | null;
  done: boolean;
  error: boolean;
  /** How many events do nothing but report usage. */
  usageOnly: number;
}

type Expected = Partial<Omit<SseStream, "name" | "bytes">>;

const streams: SseStream[] = [];

function add(name: string, text: string | Buffer, expected: Expected = {}): void {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  streams.push({ name, bytes, usage: null, done: false, error: false, usageOnly: 0, ...expected });
}

const done = "data: [DONE]\n\n";
const ended: Expected = { done: true };
const used: Expected = { usage: { input: 5, output: 7 }, done: true, usageOnly: 1 };
const usage = '"usage":{"prompt_tokens":5,"completion_tokens":7}';

function say(content: string, more = ""): string {
  return `data: {"choices":[{"index":0,"delta":{"content":${JSON.stringify(content)}}}]${more}}\n\n`;
}

function withLineEnds(text: string, lineEnd: string): string {
  return text.replaceAll("\n", lineEnd);
}

// The format, after the ideas of the web-platform-tests for EventSource (`format-*`).
add("empty stream", "");
add("one event", "data: a\n\n");
add("byte order mark", "\uFEFFdata: a\n\ndata: b\n\n");
add("byte order mark, then a blank line", "\uFEFF\ndata: a\n\n");
add("two byte order marks", "\uFEFF\uFEFFdata: a\n\ndata: b\n\n");
add("byte order mark before a usage", `\uFEFFdata: {"choices":[],${usage}}\n\n${done}`, used);
add("half a byte order mark", Buffer.from([0xef, 0xbb, 0x64, 0x0a, 0x0a]));
add("comments", ": one\n\n:\n: two\ndata: a\n:three\ndata: b\n\n: OPENROUTER PROCESSING\n\n");
add("empty data", "data:\n\ndata\n\ndata: \n\n");
add("no space, one space, two spaces, tab", "data:a\n\ndata: b\n\ndata:  c\n\ndata:\td\n\n");
add("data of many lines", "data: a\ndata:\ndata: b\ndata\ndata: c\n\n");
add("names that are no fields", "dat: a\ndatax: b\n data: c\nDATA: d\ndata : e\n\n");
add("event, id and retry", "event: x\nid: 7\nretry: 1000\ndata: a\n\nevent:\ndata: b\n\n");
add("NUL in data and id", "id: a\u0000b\ndata: a\u0000b\n\n");
add("colons in data", "data: a:b: c\n\ndata:::\n\n");
add("only blank lines", "\n\n\r\n\r\r\n\n");
add("blank lines between", "\n\ndata: a\n\n\n\ndata: b\n\n\n");
add("CR", "data: a\rdata: b\r\rdata: c\r\r");
add("CRLF", "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n");
add("mixed line ends", "data: a\n\r\ndata: b\r\n\ndata: c\r\r\ndata: d\n\rdata: e\r\n\rdata: f\r\n\r\n");
add("all ways to end two lines", "a\n\nb\n\rc\n\r\nd\r\re\r\r\nf\r\n\ng\r\n\rh\r\n\r\ni");
add("not ended", "data: a\n\ndata: b\n");
add("not ended, no line end", "data: a\n\ndata: b");
add("ended by one CR", "data: a\r\n\r\ndata: b\r");
add(
  "bytes that are no UTF-8",
  Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0xff, 0xe4, 0xbd, 0x0a, 0x0a, 0xc3, 0x0a, 0x0a]),
);
add("U+FFFD that is meant", "data: \uFFFD\n\ndata: a\uFFFDb\n\n");
add("U+2028, U+2029, U+0085 are no line ends", "data: a\u2028b\u2029c\u0085d\u000be\n\n");

// Text of all widths.
add("CJK", say("你好，世界") + say("こんにちは") + say("안녕하세요") + done, ended);
add("emoji and joined emoji", say("😀👩‍👩‍👧‍👦🏳️‍🌈") + say("e\u0301 ﷺ 𝒳") + done, ended);
add("right to left", say("مرحبا بالعالم") + say("שלום") + done, ended);
add("emoji, CRLF", withLineEnds(say("😀") + say("你") + done, "\r\n"), ended);
add("CJK, CR", withLineEnds(say("你好") + done, "\r"), ended);

// Usage in every place that providers put it.
const usageOnly = `data: {"choices":[],${usage}}\n\n`;
add("usage in its own event", say("hi") + usageOnly + done, used);
add("usage in its own event, CRLF", withLineEnds(usageOnly + done, "\r\n"), used);
add("usage in its own event, CR", withLineEnds(usageOnly + done, "\r"), used);
add("usage in its own event, mixed", `data: {"choices":[],${usage}}\r\n\r\ndata: [DONE]\r\r\n`, used);
add("usage in the last event with content", say("hi", `,${usage}`) + done, { ...used, usageOnly: 0 });
add("usage null until the end", say("a", ',"usage":null') + say("b", ',"usage" : null') + usageOnly + done, used);
add(
  "usage in each event",
  say("a", ',"usage":{"prompt_tokens":5,"completion_tokens":1}') + say("b", `,${usage}`) + done,
  {
    ...used,
    usageOnly: 0,
  },
);
add("two events with usage alone", usageOnly.replace("7", "6") + usageOnly + done, { ...used, usageOnly: 2 });
add("usage after [DONE]", done + usageOnly, used);
add(
  "usage with spaces",
  `data: { "choices" : [ ] , "usage"\t: {"prompt_tokens" : 5, "completion_tokens":7 } }\n\n${done}`,
  used,
);
add(
  "usage on many lines",
  `data: {"choices":[\ndata: ],\ndata: "usage"\ndata: :{"prompt_tokens":5,\ndata:"completion_tokens":7}}\n\n`,
  {
    ...used,
    done: false,
  },
);
add("usage not followed by a blank line", `data: {"choices":[],${usage}}`, { ...used, done: false });
add("[DONE] not followed by a blank line", `${usageOnly}data: [DONE]\n`, used);
add("usage before other fields", `data: {${usage},"choices":[],"id":"x"}\n\n${done}`, used);
add("usage with a comment and an id", `: c\nid: 1\ndata: {"choices":[],${usage}}\nretry: 1\n\n${done}`, used);
add("usage without choices stays", `data: {${usage}}\n\n${done}`, { ...used, usageOnly: 0 });
add("usage that cannot be true", `data: {"choices":[],"usage":{"prompt_tokens":-1}}\n\n${done}`, {
  ...used,
  usage: "bad",
});
add(
  "usage false in nested places",
  `data: {"choices":[],"x":{${usage}},"x_groq":{${usage}},"my_usage":{"prompt_tokens":9}}\n\n`,
);
add(
  "usage faked by text",
  say(`"usage":{"prompt_tokens":1,"completion_tokens":1}`) + say('usage"') + say('\\"usage":{}') + done,
  ended,
);
add("[DONE] faked by text", say("[DONE]") + say("data: [DONE]\n\n") + say("\n\ndata: [DONE]\n\n"));
add(
  "empty choices without usage stay",
  `data: {"choices":[],"prompt_filter_results":[],"usage":null}\n\n${done}`,
  ended,
);

// Tools, errors, other surfaces.
const toolCall = (part: string): string =>
  `data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"get_weather","arguments":${JSON.stringify(part)}}}]},"finish_reason":null}]}\n\n`;
add("tool calls", toolCall('{"city":"M') + toolCall('ünchen","usage":{"prompt_tokens":1}}') + usageOnly + done, used);
add("error field", `${say("hi")}data: {"error":{"message":"over","type":"server_error"}}\n\n`, { error: true });
add("error event", `event: error\ndata: {"message":"over"}\n\n`, { error: true });
add("error event, CRLF", 'event:error\r\ndata: {"message":"over"}\r\n\r\n', { error: true });
add(
  "error beside choices",
  `data: {"id":"x","error":{"code":502},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}\n\n`,
  {
    error: true,
  },
);
add("error with usage is not left out", `data: {"choices":[],"error":{"code":1},${usage}}\n\n`, {
  usage: { input: 5, output: 7 },
  error: true,
});
add("error faked by text", say('{"error":{"message":"x"}}') + say("event: error\n") + say("error") + done, ended);
add("error null", `data: {"choices":[],"error":null,${usage}}\n\n${done}`, used);
add(
  "completions",
  `data: {"object":"text_completion","choices":[{"text":"hi","index":0}]}\n\n${usageOnly}${done}`,
  used,
);
add(
  "data that is no JSON",
  `data: {"usage":{\n\ndata: usage"\n\ndata: {"a":1}}\n\ndata: [1,"usage",2]\n\n${done}`,
  ended,
);

// What a provider really sends: long heads, many events, one long event.
const head = `"id":"chatcmpl-B9x","object":"chat.completion.chunk","created":1753012345,"model":"gpt-4.1-mini","system_fingerprint":"fp_1"`;
const words = "The quick brown fox 跳过 the lazy 🐶, said “error” and usage".split(" ");
const real =
  `data: {${head},"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}\n\n` +
  words
    .map(
      (word) =>
        `data: {${head},"choices":[{"index":0,"delta":{"content":"${word} "},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x"}\n\n`,
    )
    .join("") +
  `data: {${head},"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":0}}}\n\n${done}`;
add("a whole answer", real, used);
add("a whole answer, CRLF", withLineEnds(real, "\r\n"), used);
add("a whole answer, CR", withLineEnds(real, "\r"), used);
add("one long event", say("长".repeat(1_500)) + usageOnly + done, used);

/** Event streams with what has to be found in them, for every test of code that reads or relays streams. */
export const sseStreams: readonly SseStream[] = streams;
