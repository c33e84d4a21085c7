import { afterAll, describe, expect, it } from "vitest";
import type { SseOverflow } from "../../../server/providers/sse-events.ts";
import { SseOpenAiScan } from "../../../server/providers/sse-openai-scan.ts";
import { findSseFault, makeSseCase, type SseCase, type SseSubject } from "../../support/sse-checker.ts";
import { type SseStream, sseStreams } from "../../support/sse-streams.ts";

const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

/** Mulberry32: small, seeded, good enough to place cuts. */
function makeRandom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

function bytesOf(result: Buffer | SseOverflow): Buffer {
  if (typeof result === "string") throw new Error(result);
  return result;
}

function makeScan(stream: SseStream, drop: boolean): SseSubject {
  const outputField = stream.name === "completions" ? "text" : "delta";
  const scan = new SseOpenAiScan({ outputField, dropUsageOnly: drop });
  return {
    push: (chunk) => bytesOf(scan.push(chunk)),
    end: () => bytesOf(scan.end()),
    found: () => ({ usage: readUsage(scan), done: scan.done, error: scan.errorText !== null }),
  };
}

function readUsage(scan: SseOpenAiScan): SseStream["usage"] {
  if (scan.usage === null) return null;
  if (!scan.usage.ok) return "bad";
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens } = scan.usage.usage;
  return { input: inputTokens + cachedInputTokens, output: outputTokens + reasoningTokens };
}

/** Each stream as it is, and without its usage-only events where it has some. */
const cases = sseStreams.flatMap((stream) =>
  (stream.usageOnly > 0 ? [false, true] : [false]).map((drop) => ({ drop, sseCase: makeSseCase(stream, drop) })),
);
let runs = 0;

function expectNoFault(sseCase: SseCase, drop: boolean, cuts: readonly number[]): void {
  runs++;
  const fault = findSseFault(sseCase, () => makeScan(sseCase.stream, drop), cuts);
  if (fault === null) return;
  throw new Error(`${sseCase.stream.name}, drop ${drop}, cut at ${cuts.join(", ")}, seed ${seed}: ${fault}`);
}

function makeRandomCuts(length: number, random: () => number): number[] {
  const count = 1 + Math.floor(random() * 12);
  return Array.from({ length: count }, () => Math.floor(random() * (length + 1))).sort((a, b) => a - b);
}

describe("any cut of any stream gives the same bytes, usage and end", () => {
  afterAll(() => console.info(`event stream scan: ${sseStreams.length} streams, ${runs} runs, seed ${seed}`));

  it("has streams enough to say so", () => {
    expect(sseStreams.length).toBeGreaterThanOrEqual(40);
    expect(new Set(sseStreams.map((stream) => stream.name)).size).toBe(sseStreams.length);
    expect(sseStreams.filter((stream) => stream.usage !== null).length).toBeGreaterThanOrEqual(20);
  });

  it("cut nowhere, and between all bytes", () => {
    const before = runs;
    for (const { sseCase, drop } of cases) {
      const { length } = sseCase.stream.bytes;
      expectNoFault(sseCase, drop, []);
      expectNoFault(
        sseCase,
        drop,
        Array.from({ length }, (_, at) => at),
      );
    }
    expect(runs - before).toBe(2 * cases.length);
  });

  it("cut at each byte", () => {
    const before = runs;
    for (const { sseCase, drop } of cases) {
      for (let at = 0; at <= sseCase.stream.bytes.length; at++) expectNoFault(sseCase, drop, [at]);
    }
    expect(runs - before).toBe(cases.reduce((sum, { sseCase }) => sum + sseCase.stream.bytes.length + 1, 0));
  });

  it("cut at each pair of bytes, streams of at most 256 bytes", { timeout: 60_000 }, () => {
    const before = runs;
    for (const { sseCase, drop } of cases) {
      const { length } = sseCase.stream.bytes;
      if (length > 256) continue;
      for (let one = 0; one <= length; one++) {
        for (let other = one; other <= length; other++) expectNoFault(sseCase, drop, [one, other]);
      }
    }
    expect(runs - before).toBeGreaterThan(100_000);
  });

  it("cut at random, 100,000 times", { timeout: 60_000 }, () => {
    const random = makeRandom(seed);
    for (let run = 0; run < 100_000; run++) {
      const { sseCase, drop } = cases[Math.floor(random() * cases.length)] as (typeof cases)[number];
      expectNoFault(sseCase, drop, makeRandomCuts(sseCase.stream.bytes.length, random));
    }
    expect(runs).toBeGreaterThan(100_000);
  });
});

describe("the checker catches a scanner that", () => {
  /** Finds a fault in a wrong scanner with the cuts of the tests above. */
  function findAnyFault(makeWrong: (stream: SseStream) => SseSubject): string | null {
    const random = makeRandom(1);
    for (const { sseCase, drop } of cases) {
      if (drop) continue;
      for (let run = 0; run < 50; run++) {
        const cuts = makeRandomCuts(sseCase.stream.bytes.length, random);
        const fault = findSseFault(sseCase, () => makeWrong(sseCase.stream), cuts);
        if (fault !== null) return fault;
      }
    }
    return null;
  }

  it("is right: no fault", () => {
    expect(findAnyFault((stream) => makeScan(stream, false))).toBeNull();
  });

  it("decodes each chunk", () => {
    const wrong = (stream: SseStream): SseSubject => {
      const right = makeScan(stream, false);
      return { ...right, push: (chunk) => right.push(Buffer.from(chunk.toString("utf8"))) };
    };
    expect(findAnyFault(wrong)).not.toBeNull();
  });

  it("knows LF only", () => {
    const wrong = (stream: SseStream): SseSubject => {
      const right = makeScan(stream, false);
      let held = Buffer.alloc(0);
      return {
        ...right,
        push: (chunk) => {
          held = Buffer.concat([held, chunk]);
          const end = held.lastIndexOf("\n\n") + 2;
          const whole = held.subarray(0, end < 2 ? 0 : end);
          held = held.subarray(whole.length);
          return right.push(whole);
        },
        end: () => Buffer.concat([right.push(held), right.end()]),
      };
    };
    expect(findAnyFault(wrong)).not.toBeNull();
  });

  it("looks for usage in single chunks", () => {
    const wrong = (stream: SseStream): SseSubject => {
      const right = makeScan(stream, false);
      let usage: SseStream["usage"] = null;
      return {
        ...right,
        push: (chunk) => {
          if (/"usage":\{"prompt_tokens":5,"completion_tokens":7\}/.test(chunk.toString()))
            usage = { input: 5, output: 7 };
          return right.push(chunk);
        },
        found: () => ({ ...right.found(), usage }),
      };
    };
    expect(findAnyFault(wrong)).toMatch(/^found/);
  });

  it("takes nested usage for usage", () => {
    const wrong = (stream: SseStream): SseSubject => {
      const right = makeScan(stream, false);
      const nested = /"x_groq":\{"usage"/.test(stream.bytes.toString());
      return { ...right, found: () => ({ ...right.found(), ...(nested && { usage: { input: 5, output: 7 } }) }) };
    };
    expect(findAnyFault(wrong)).toMatch(/^found/);
  });

  it("takes text of the model for the end", () => {
    const wrong = (stream: SseStream): SseSubject => {
      const right = makeScan(stream, false);
      return { ...right, found: () => ({ ...right.found(), done: stream.bytes.includes("[DONE]") }) };
    };
    expect(findAnyFault(wrong)).toMatch(/^found/);
  });

  it("waits for the next byte behind a CR", () => {
    const wrong = (stream: SseStream): SseSubject => {
      const right = makeScan(stream, false);
      let held = Buffer.alloc(0);
      return {
        ...right,
        push: (chunk) => {
          const all = Buffer.concat([held, chunk]);
          const whole = all.at(-1) === 0x0d ? all.subarray(0, -1) : all;
          held = all.subarray(whole.length);
          return right.push(whole);
        },
        end: () => Buffer.concat([right.push(held), right.end()]),
      };
    };
    expect(findAnyFault(wrong)).toMatch(/forwarded/);
  });
});
