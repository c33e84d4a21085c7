import { describe, expect, test } from "vitest";
import { parseAnthropicUsage } from "../../../server/core/anthropic-usage.ts";
import { SseAnthropicScan } from "../../../server/providers/sse-anthropic-scan.ts";
import { makeRecorded, recorded } from "../../support/recorded-answers.ts";

const failed = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n';
/** A model that writes what looks like the end and a usage. */
const forged = `event: content_block_delta\ndata: ${JSON.stringify({
  type: "content_block_delta",
  index: 0,
  delta: { type: "text_delta", text: '{"type":"message_stop"} "usage":{"input_tokens":1} \n\nevent: error\n\n' },
})}\n\n`;

function body(scenario: "text" | "tools" | "reasoning"): string {
  return makeRecorded("anthropic", scenario, true).body.toString();
}

const streams: readonly (readonly [name: string, text: string, done: boolean, error: boolean])[] = [
  ["text", body("text"), true, false],
  ["tools", body("tools"), true, false],
  ["reasoning", body("reasoning"), true, false],
  ["CRLF", body("text").replaceAll("\n", "\r\n"), true, false],
  ["CR", body("text").replaceAll("\n", "\r"), true, false],
  ["byte order mark", `\uFEFF${body("text")}`, true, false],
  ["no blank line at the end", body("text").trimEnd(), true, false],
  ["an error in the middle", body("text").split("event: message_delta")[0] + failed, false, true],
  ["forged", body("text").replace("event: message_delta", `${forged}event: message_delta`), true, false],
];

function play(text: Buffer, cuts: readonly number[]) {
  const scan = new SseAnthropicScan();
  const out: Buffer[] = [];
  let from = 0;
  for (const to of [...cuts, text.length]) {
    out.push(Buffer.from(scan.push(text.subarray(from, to))));
    from = to;
  }
  out.push(Buffer.from(scan.end()));
  const usage = scan.usage?.ok === true ? scan.usage.usage : scan.usage;
  return {
    same: Buffer.concat(out).equals(text),
    whole: out.every((piece) => !piece.toString("utf8").includes("\uFFFD")),
    found: JSON.stringify({ usage, done: scan.done, error: scan.errorText, bytes: scan.outputBytes }),
  };
}

describe.each(streams)("%s", (_, text, done, error) => {
  const bytes = Buffer.from(text);
  const { found } = play(bytes, []);

  test("is read as it is", () => {
    const read = JSON.parse(found) as { usage: Record<string, number> | null; done: boolean; error: string | null };
    expect([read.done, read.error !== null]).toEqual([done, error]);
    const expected = {
      inputTokens: recorded.usage.input - recorded.usage.cached - recorded.usage.cacheWrite,
      cachedInputTokens: recorded.usage.cached,
      cacheWriteTokens: recorded.usage.cacheWrite,
      hourCacheWriteTokens: recorded.usage.hourWrite,
      outputTokens: recorded.usage.output - recorded.usage.reasoning,
      reasoningTokens: recorded.usage.reasoning,
    };
    expect(read.usage === null).toBe(error);
    expect(read.usage ?? expected).toMatchObject(expected);
  });

  test("cut at each byte, and between all bytes, it is read the same", () => {
    const faults: number[] = [];
    const all = Array.from({ length: bytes.length }, (_each, at) => at);
    for (const cuts of [all, ...all.map((at) => [at])]) {
      const cut = play(bytes, cuts);
      if (!cut.same || !cut.whole || cut.found !== found) faults.push(cuts[0] ?? -1);
    }
    expect(faults).toEqual([]);
  });
});

test("what the model wrote is counted, and nothing else", () => {
  const scan = new SseAnthropicScan();
  scan.push(Buffer.from(body("text")));
  expect(scan.outputBytes).toBe(Buffer.byteLength(recorded.text.join("")));
  const thinking = new SseAnthropicScan();
  thinking.push(Buffer.from(body("reasoning")));
  expect(thinking.outputBytes).toBe(Buffer.byteLength(recorded.text.join("") + recorded.thought));
});

test("an event that is too long ends the stream", () => {
  const scan = new SseAnthropicScan({ eventBytesMax: 64 });
  expect(scan.push(Buffer.from(`data: ${"x".repeat(100)}`))).toBe("sse_overflow");
});

describe("a usage", () => {
  test.each([
    ["nothing", undefined],
    ["no output", { input_tokens: 1 }],
    ["a negative count", { input_tokens: -1, output_tokens: 1 }],
    ["half a token", { input_tokens: 1, output_tokens: 1, cache_read_input_tokens: 0.5 }],
    ["more thought than output", { input_tokens: 1, output_tokens: 1, output_tokens_details: { thinking_tokens: 2 } }],
  ])("that holds %s is refused", (_, usage) => {
    expect(parseAnthropicUsage(usage).ok).toBe(false);
  });
});
