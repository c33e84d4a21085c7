import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const preload = fileURLToPath(new URL("../../support/skewed-clock.mjs", import.meta.url));

const script = `
  const date = new Date();
  const read = () => [Date.now(), new Date().getTime(), Date.parse(Date()), new date.constructor().getTime()];
  const monotonicMs = performance.now();
  const first = read();
  process.kill(process.pid, "SIGUSR2");
  setTimeout(() => {
    const isDate = new Date() instanceof Date && new Date(5).getTime() === 5 && new Date("1970-01-02") < new Date();
    process.stdout.write(JSON.stringify({ first, second: read(), isDate, wentMs: performance.now() - monotonicMs }));
  }, 50);`;

test("the clock is off by what was asked, jumps once, and monotonic time goes on", () => {
  const startedMs = Date.now();
  const { stdout } = spawnSync(process.execPath, ["--import", preload, "--eval", script], {
    encoding: "utf8",
    env: { ...process.env, TEST_CLOCK_SKEW_MS: "300000", TEST_CLOCK_JUMP_MS: "-3600000" },
  });
  const { first, second, isDate, wentMs } = JSON.parse(stdout);
  const tookMs = Date.now() - startedMs + 1_000;
  for (const [readings, offMs] of [
    [first, 300_000],
    [second, -3_300_000],
  ] as const) {
    expect(readings).toHaveLength(4);
    for (const reading of readings) {
      // A date as text has whole seconds.
      expect(reading).toBeGreaterThan(startedMs + offMs - 1_000);
      expect(reading).toBeLessThan(startedMs + offMs + tookMs);
    }
  }
  expect(isDate).toBe(true);
  expect(wentMs).toBeGreaterThan(45);
  expect(wentMs).toBeLessThan(tookMs);
});
