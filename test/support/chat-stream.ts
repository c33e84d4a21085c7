import { makeScriptedAnswer } from "./scripted-answer.ts";
import { plainBehaviour, type ScriptedBehaviour } from "./scripted-behaviour.ts";
import { listScriptedFrames, makeScriptedBody } from "./scripted-frames.ts";

/** A provider's whole answer, and what stands where in it; worked out here, not by the server. */
export interface ChatStream {
  bytes: Buffer;
  /** Every event with its blank line. */
  events: { start: number; end: number; usageOnly: boolean }[];
  /** Bytes up to here hold the whole usage report. */
  usageEnd: number;
  promptTokens: number;
  completionTokens: number;
}

const prompt = { messages: [{ role: "user", content: "Say something, one word at a time." }] };

/** Makes a stream of `tokens` words with a usage chunk of its own before `[DONE]`. */
export function makeChatStream(tokens: number, more: Partial<ScriptedBehaviour> = {}): ChatStream {
  const behaviour = { ...plainBehaviour, tokens, ...more };
  const answer = makeScriptedAnswer("/v1/chat/completions", { ...prompt, model: "gpt-test" }, behaviour);
  const events: ChatStream["events"] = [];
  let text = "";
  let usageEnd = 0;
  for (const frame of listScriptedFrames(answer, behaviour, true)) {
    const start = Buffer.byteLength(text);
    text += frame.text;
    const end = Buffer.byteLength(text);
    const usageOnly = frame.text.includes('"choices":[]');
    if (usageOnly) usageEnd = end;
    events.push({ start, end, usageOnly });
  }
  const { promptTokens } = answer;
  return { bytes: Buffer.from(text), events, usageEnd, promptTokens, completionTokens: tokens };
}

/** The same as one JSON answer. */
export function makeChatAnswer(tokens: number): Buffer {
  const behaviour = { ...plainBehaviour, tokens };
  const json = { ...prompt, model: "gpt-test" };
  return Buffer.from(makeScriptedBody(makeScriptedAnswer("/v1/chat/completions", json, behaviour), behaviour, json));
}

/** What a relay of whole events has passed on once it got the first `offset` bytes. */
export function getForwarded(stream: ChatStream, offset: number, includeUsage: boolean): Buffer {
  const whole = stream.events.filter((event) => event.end <= offset && (includeUsage || !event.usageOnly));
  return Buffer.concat(whole.map((event) => stream.bytes.subarray(event.start, event.end)));
}
