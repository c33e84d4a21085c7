import type { SseStream } from "./sse-streams.ts";

/** What is checked: anything that relays a stream and reads it on the way. `push` and `end` return what to forward. */
export interface SseSubject {
  push(chunk: Buffer): Buffer;
  end(): Buffer;
  found(): { usage: SseStream["usage"]; done: boolean; error: boolean };
}

/** A stream with what must come out of it, worked out from the whole stream, never from a piece. */
export interface SseCase {
  stream: SseStream;
  output: Buffer;
  /** By number of bytes pushed: how many bytes must have been forwarded by then, and may at most. */
  forwarded: Uint32Array;
  replacements: number;
}

/** Reads the whole stream line by line; shares no code with the server. With `drop`, usage-only events are left out. */
export function makeSseCase(stream: SseStream, drop: boolean): SseCase {
  const text = stream.bytes.toString("latin1");
  const kept: boolean[] = [];
  const ends: number[] = [];
  let lines: string[] = [];
  let eventStart = 0;
  let usageOnly = 0;
  const endEvent = (end: number): void => {
    const isUsageOnly = reportsUsageOnly(
      eventStart === 0 ? lines.map((line) => line.replace(/^\u00ef\u00bb\u00bf/, "")) : lines,
    );
    if (isUsageOnly) usageOnly++;
    while (kept.length < end) kept.push(!(isUsageOnly && drop));
    eventStart = end;
    lines = [];
  };
  for (const match of text.matchAll(/([^\r\n]*)(\r\n|\r|\n|$)/g)) {
    const [whole, line = "", lineEnd = ""] = match;
    lines.push(line);
    if (line !== "" || lineEnd === "") continue;
    const end = match.index + whole.length;
    endEvent(end);
    // Whole with the CR already.
    if (lineEnd === "\r\n") ends.push(end - 1);
    ends.push(end);
  }
  endEvent(text.length);
  if (usageOnly !== stream.usageOnly)
    throw new Error(`${stream.name}: ${usageOnly} usage-only events, not as written down`);

  const forwarded = new Uint32Array(text.length + 1);
  const endsAt = new Set(ends);
  let keptCount = 0;
  let due = 0;
  for (let pushed = 1; pushed <= text.length; pushed++) {
    if (kept[pushed - 1]) keptCount++;
    if (endsAt.has(pushed)) due = keptCount;
    forwarded[pushed] = due;
  }
  const output = stream.bytes.filter((_, index) => kept[index]);
  return { stream, output: Buffer.from(output), forwarded, replacements: countReplacements(Buffer.from(output)) };
}

/**
 * Pushes the stream cut at `cuts` (rising offsets).
 *
 * @returns what is wrong, or `null`.
 */
export function findSseFault(sseCase: SseCase, makeSubject: () => SseSubject, cuts: readonly number[]): string | null {
  const { stream, output, forwarded } = sseCase;
  const subject = makeSubject();
  let matched = 0;
  let replacements = 0;
  const take = (piece: Buffer): boolean => {
    const same = output.compare(piece, 0, piece.length, matched, Math.min(matched + piece.length, output.length)) === 0;
    matched += piece.length;
    replacements += countReplacements(piece);
    return same;
  };
  let from = 0;
  for (let index = 0; index <= cuts.length; index++) {
    const to = cuts[index] ?? stream.bytes.length;
    if (!take(subject.push(stream.bytes.subarray(from, to)))) return "other bytes";
    if (matched !== forwarded[to]) return `${matched} bytes forwarded after ${to}, not ${forwarded[to]}`;
    from = to;
  }
  if (!take(subject.end())) return "other bytes at the end";
  if (matched !== output.length) return `${matched} bytes in all, not ${output.length}`;
  if (replacements !== sseCase.replacements) return "a character was cut";
  const found = subject.found();
  const { usage, done, error } = stream;
  const right = sameUsage(found.usage, usage) && found.done === done && found.error === error;
  return right ? null : `found ${JSON.stringify(found)}`;
}

function sameUsage(one: SseStream["usage"], other: SseStream["usage"]): boolean {
  if (one === null || other === null || one === "bad" || other === "bad") return one === other;
  return one.input === other.input && one.output === other.output;
}

function reportsUsageOnly(lines: string[]): boolean {
  const data = lines.filter((line) => line.startsWith("data:")).map((line) => line.slice(5).replace(/^ /, ""));
  try {
    const json = JSON.parse(data.join("\n")) as { usage?: unknown; choices?: unknown; error?: unknown };
    const { usage = null, choices, error = null } = json;
    return usage !== null && error === null && Array.isArray(choices) && choices.length === 0;
  } catch {
    return false;
  }
}

const notAscii = /[\x80-\xff]/;

/** U+FFFD after decoding these bytes alone, as a client does that decodes what one read gave it. */
function countReplacements(bytes: Buffer): number {
  return notAscii.test(bytes.toString("latin1")) ? bytes.toString("utf8").split("\uFFFD").length - 1 : 0;
}
