import { expect, test } from "vitest";
import { openClock } from "../../../server/platform/clock.ts";

/** Milliseconds by which a clock is ahead of what the database's would be, with a database `aheadMs` ahead of the machine. */
function readAheadMs(clock: ReturnType<typeof openClock>): number {
  return clock.nowMs() - (performance.timeOrigin + performance.now());
}
const read = (clock: ReturnType<typeof openClock>, aheadMs: number, roundTripMs: number): void => {
  const nowMs = clock.monotonicMs();
  const sentMs = nowMs - roundTripMs;
  // The database looked at its clock in the middle.
  clock.setDatabaseTime(performance.timeOrigin + sentMs + roundTripMs / 2 + aheadMs, sentMs, nowMs);
};

test("follows the database's time", () => {
  const clock = openClock();
  read(clock, 300_000, 1);
  expect(readAheadMs(clock)).toBeCloseTo(300_000, -1);
});

test("keeps a good reading against a slow one that may be as right", () => {
  const clock = openClock();
  read(clock, 1_000, 1);
  read(clock, 1_040, 200);
  expect(readAheadMs(clock)).toBeCloseTo(1_000, -1);
});

test("follows a database whose clock was set at once, however slow it answers", () => {
  const clock = openClock();
  read(clock, 1_000, 1);
  read(clock, 10_000, 200);
  expect(readAheadMs(clock)).toBeCloseTo(10_000, -1);
  read(clock, -5_000, 200);
  expect(readAheadMs(clock)).toBeCloseTo(-5_000, -1);
});
