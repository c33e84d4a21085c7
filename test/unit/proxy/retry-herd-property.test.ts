import { afterAll, describe, expect, it } from "vitest";
import { makeKeyLimits } from "../../../server/core/rate-limit.ts";
import { MemoryWindows } from "../../../server/limits/memory-windows.ts";
import type { RateAnswer } from "../../../server/limits/rate-windows.ts";
import { makeRateRefusal } from "../../../server/proxy/rate-headers.ts";

const clients = 1_000;
const windowMs = 60_000;
const one = { requests: 1, inputTokens: 0, outputTokens: 0, cost: 0n };

let nowMs = 0;
const windows = new MemoryWindows({ nowMs: () => nowMs, loadSeed: null });
afterAll(() => windows.close());
let scopes = 0;

interface Herd {
  /** What the clients were told, milliseconds. */
  waitsMs: number[];
  /** What they would have had to wait, by the test's own log. */
  trueWaitsMs: number[];
  /** Of those who came back when they were told to. */
  admitted: number;
}

/**
 * A limit is used up within a tenth of a second. Then, within another, as many clients are refused, wait as they were told,
 * and come back.
 */
function runHerd(findWaitMs: (answer: RateAnswer) => number): Herd {
  const { buckets } = makeKeyLimits(`herd${scopes++}`, { requests_per_minute: clients }) ?? { buckets: [] };
  const reserve = (): RateAnswer => {
    const answer = windows.reserve(buckets, [], one, true);
    if (answer instanceof Promise) throw new Error("counters in memory answer at once");
    return answer;
  };
  const beganMs = nowMs;
  for (let index = 0; index < clients; index++) {
    nowMs = beganMs + index / 10;
    expect(reserve().ok).toBe(true);
  }
  const herd: Herd = { waitsMs: [], trueWaitsMs: [], admitted: 0 };
  const returns: number[] = [];
  for (let index = 0; index < clients; index++) {
    nowMs = beganMs + 100 + index / 10;
    const waitMs = findWaitMs(reserve());
    herd.waitsMs.push(waitMs);
    herd.trueWaitsMs.push(beganMs + windowMs - nowMs);
    returns.push(nowMs + waitMs);
  }
  for (const atMs of returns.sort((a, b) => a - b)) {
    nowMs = atMs;
    if (reserve().ok) herd.admitted++;
  }
  nowMs += 2 * windowMs;
  return herd;
}

function listFaults({ waitsMs, trueWaitsMs, admitted }: Herd): string[] {
  const faults: string[] = [];
  if (waitsMs.some((waitMs, index) => waitMs < (trueWaitsMs[index] as number))) faults.push("early");
  if (Math.max(...waitsMs) - Math.min(...waitsMs) < windowMs / 10) faults.push("together");
  if (admitted < clients) faults.push(`${clients - admitted} refused again`);
  return faults;
}

const told = (answer: RateAnswer): number => {
  if (answer.ok) throw new Error("it fits");
  return (makeRateRefusal(answer).retryAfterSeconds ?? 0) * 1_000;
};

describe("a thousand clients that wait as Retry-After tells them", () => {
  it("are never told too early, come back a tenth of the wait apart or more, and are let through", () => {
    expect(listFaults(runHerd(told))).toEqual([]);
  });

  it("the check above sees a wait that is too short, and one that is the same for all", () => {
    expect(listFaults(runHerd((answer) => told(answer) / 2))).toContain("early");
    expect(listFaults(runHerd((answer) => (answer.ok ? 0 : Math.ceil(answer.waitMs / 1_000) * 1_000)))).toEqual([
      "together",
    ]);
  });
});
