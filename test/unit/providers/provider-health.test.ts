import { describe, expect, test } from "vitest";
import { openClock } from "../../../server/platform/clock.ts";
import { makeHealth } from "../../support/scripted-request.ts";

/** A clock that a test moves. */
function makeClock() {
  let nowMs = 1_000;
  const clock = { ...openClock(), monotonicMs: () => nowMs, nowMs: () => nowMs };
  return { clock, pass: (ms: number) => void (nowMs += ms), now: () => nowMs };
}

describe("the breaker of a provider", () => {
  test("opens at the tenth failure in a row, and not before", () => {
    const { clock, now } = makeClock();
    const health = makeHealth({ failures: 10 });
    for (let count = 1; count <= 10; count++) {
      expect([count, health.findRefusal(now())]).toEqual([count, null]);
      const isProbe = health.begin();
      health.fail("status_503", clock, isProbe);
      health.end(isProbe);
    }
    expect(health.findRefusal(now())).toBe("open");
    expect(health.getReport(now())).toMatchObject({ state: "open", failures: 10, openings: 1, inFlight: 0 });
  });

  test("an answer between failures begins the count anew", () => {
    const { clock, now } = makeClock();
    const health = makeHealth({ failures: 3 });
    for (const outcome of ["x", "x", "ok", "x", "x", "ok", "x", "x"]) {
      const isProbe = health.begin();
      if (outcome === "ok") health.succeed(5);
      else health.fail("connect", clock, isProbe);
      health.end(isProbe);
    }
    expect(health.findRefusal(now())).toBeNull();
    expect(health.openings).toBe(0);
  });

  test("half open, it lets one call through; its success closes it", () => {
    const { clock, pass, now } = makeClock();
    const health = makeHealth({ failures: 1, openMs: 1_000 });
    health.fail("reset", clock, health.begin());
    health.end(false);
    pass(999);
    expect([health.findRefusal(now()), health.getState(now())]).toEqual(["open", "open"]);
    pass(1);
    expect([health.findRefusal(now()), health.getState(now())]).toEqual([null, "half_open"]);
    const isProbe = health.begin();
    expect(isProbe).toBe(true);
    expect(health.findRefusal(now())).toBe("open");
    health.succeed(3);
    health.end(isProbe);
    expect([health.findRefusal(now()), health.getState(now())]).toEqual([null, "closed"]);
  });

  test("each failed probe doubles the time, up to a minute; a success ends that", () => {
    const { clock, pass, now } = makeClock();
    const health = makeHealth({ failures: 1, openMs: 10_000 });
    health.fail("reset", clock, health.begin());
    health.end(false);
    for (const openMs of [10_000, 20_000, 40_000, 60_000, 60_000]) {
      pass(openMs - 1);
      expect([openMs, health.findRefusal(now())]).toEqual([openMs, "open"]);
      pass(1);
      const isProbe = health.begin();
      health.fail("reset", clock, isProbe);
      health.end(isProbe);
    }
    pass(60_000);
    health.begin();
    health.succeed(1);
    health.end(true);
    health.fail("reset", clock, health.begin());
    expect(health.getRetrySeconds(now())).toBe(10);
  });

  test("a probe whose client leaves lets the next one through", () => {
    const { clock, pass, now } = makeClock();
    const health = makeHealth({ failures: 1, openMs: 100 });
    health.fail("reset", clock, health.begin());
    health.end(false);
    pass(100);
    health.end(health.begin());
    expect([health.findRefusal(now()), health.getState(now())]).toEqual([null, "half_open"]);
  });

  test("the first byte of a stream answers a probe; its death opens the breaker again", () => {
    const { clock, pass, now } = makeClock();
    const health = makeHealth({ failures: 5, openMs: 100 });
    for (let count = 0; count < 5; count++) {
      health.fail("reset", clock, health.begin());
      health.end(false);
    }
    pass(100);
    const isProbe = health.begin();
    health.answer();
    expect(health.findRefusal(now())).toBeNull();
    health.fail("reset", clock, isProbe);
    health.end(isProbe);
    expect(health.findRefusal(now())).toBe("open");
  });

  test("failures of calls that began before do not keep it open for longer", () => {
    const { clock, pass, now } = makeClock();
    const health = makeHealth({ failures: 2, openMs: 1_000 });
    const probes = [health.begin(), health.begin(), health.begin()];
    for (const isProbe of probes) {
      health.fail("timeout_total", clock, isProbe);
      health.end(isProbe);
      pass(400);
    }
    // It opened with the second failure, 800 ms ago.
    pass(200);
    expect(health.findRefusal(now())).toBeNull();
    expect(health.openings).toBe(1);
  });

  test("0 failures: it never opens", () => {
    const { clock, now } = makeClock();
    const health = makeHealth({ failures: 0 });
    for (let count = 0; count < 100; count++) {
      health.fail("reset", clock, health.begin());
      health.end(false);
    }
    expect(health.findRefusal(now())).toBeNull();
  });
});

test("a provider with as many calls as it may have is full until one ends", () => {
  const { now } = makeClock();
  const health = makeHealth({ concurrentRequestsMax: 2 });
  health.begin();
  expect(health.findRefusal(now())).toBeNull();
  health.begin();
  expect(health.findRefusal(now())).toBe("full");
  health.end(false);
  expect(health.findRefusal(now())).toBeNull();
});
