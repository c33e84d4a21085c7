import { describe, expect, test } from "vitest";
import { AwsEventFrames } from "../../../server/providers/aws-event-frames.ts";
import { makeBedrockEvent } from "../../../server/providers/bedrock-messages.ts";
import { makeFrame, makeRecorded, wrap } from "../../support/recorded-answers.ts";

function cut(bytes: Buffer, cuts: readonly number[]): { frames: Buffer[]; isBetween: boolean } {
  const stream = new AwsEventFrames(1_000_000);
  const frames: Buffer[] = [];
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    const whole = stream.push(bytes.subarray(from, to));
    if (typeof whole !== "string") frames.push(...whole);
    from = to;
  }
  return { frames, isBetween: stream.isBetween };
}

describe.each(["text", "tools", "reasoning"] as const)("a stream of %s", (scenario) => {
  const { body } = makeRecorded("bedrock_messages", scenario, true);
  const sse = makeRecorded("anthropic", scenario, true).body.toString();
  const decode = (frames: readonly Buffer[]): string =>
    frames.map((frame) => makeBedrockEvent(frame).toString()).join("");

  test("comes out as Anthropic's own, cut at each byte and between all", () => {
    const all = Array.from({ length: body.length }, (_, at) => at);
    const faults: number[] = [];
    for (const cuts of [[], all, ...all.map((at) => [at])]) {
      const { frames, isBetween } = cut(body, cuts);
      if (!isBetween || decode(frames) !== sse) faults.push(cuts[0] ?? -1);
    }
    expect(faults).toEqual([]);
  });

  test("that ends early is between two messages at their ends alone", () => {
    const ends = new Set<number>();
    let at = 0;
    for (const frame of cut(body, []).frames) ends.add((at += frame.length));
    const faults: number[] = [];
    for (let length = 1; length <= body.length; length++) {
      if (cut(body.subarray(0, length), []).isBetween !== ends.has(length)) faults.push(length);
    }
    expect(faults).toEqual([]);
  });
});

describe("a message", () => {
  test("of a length that cannot be ends the stream, behind what was whole", () => {
    const good = makeFrame("chunk", wrap({ type: "ping" }));
    const stream = new AwsEventFrames(1_000);
    expect(stream.push(Buffer.concat([good, Buffer.from([0, 0, 255, 255])]))).toEqual([good]);
    expect(stream.push(good)).toBe("frame_overflow");
    expect(new AwsEventFrames(1_000).push(Buffer.from([0, 0, 0, 1]))).toBe("frame_overflow");
  });

  test("whose bytes were changed is refused", () => {
    const bad = Buffer.from(makeFrame("chunk", wrap({ type: "ping" })));
    bad[bad.length - 8] = (bad[bad.length - 8] as number) ^ 1;
    expect(() => makeBedrockEvent(bad)).toThrow(/checksum/i);
  });

  test("that is an exception becomes Anthropic's error, without the account", () => {
    const said = { message: "arn:aws:iam::123456789012:user/x has too many requests" };
    const event = makeBedrockEvent(makeFrame("throttlingException", said, "exception")).toString();
    expect(event).toBe(
      'event: error\ndata: {"type":"error","error":{"type":"rate_limit_error","message":"[removed] has too many requests"}}\n\n',
    );
  });
});
