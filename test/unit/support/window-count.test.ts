import { expect, test } from "vitest";
import { countMostWithin } from "../../support/window-count.ts";

/** Calls at these times, each answered after so long. */
const makeCalls = (times: readonly number[], takesMs: number) =>
  times.map((sentAtMs) => ({ sentAtMs, decidedAtMs: sentAtMs + takesMs }));

test("counts what was certainly decided in one window, at any alignment", () => {
  expect(countMostWithin([], 1_000)).toBe(0);
  expect(countMostWithin(makeCalls([0, 100, 200, 1_000, 1_100], 5), 1_000)).toBe(3);
  // Over the turn of a second.
  expect(countMostWithin(makeCalls([900, 950, 1_000, 1_050], 5), 1_000)).toBe(4);
  // Nobody knows whether these were decided in one second.
  expect(countMostWithin(makeCalls([0, 400, 800], 300), 1_000)).toBe(2);
});

test("finds one call more than a limit that is kept exactly", () => {
  const kept = Array.from({ length: 100 }, (_, index) => index * 100);
  expect(countMostWithin(makeCalls(kept, 5), 1_000)).toBe(10);
  expect(countMostWithin(makeCalls([...kept, 5_050], 5), 1_000)).toBe(11);
});
