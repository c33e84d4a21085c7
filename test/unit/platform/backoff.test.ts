import { expect, test } from "vitest";
import { makeBackoff, waitFor } from "../../../server/platform/backoff.ts";

test("waits double from the least to the most, within a quarter", () => {
  const backoff = makeBackoff({ minMs: 100, maxMs: 1_000 });
  for (const expected of [100, 200, 400, 800, 1_000, 1_000, 1_000]) {
    const waitMs = backoff.next();
    expect(waitMs).toBeGreaterThanOrEqual(expected * 0.75);
    expect(waitMs).toBeLessThanOrEqual(expected * 1.25);
  }
});

test("starts again after a success", () => {
  const backoff = makeBackoff({ minMs: 100, maxMs: 1_000 });
  for (let attempt = 0; attempt < 5_000; attempt += 1) backoff.next();
  expect(backoff.next()).toBeLessThanOrEqual(1_250);
  backoff.reset();
  expect(backoff.next()).toBeLessThanOrEqual(125);
});

test("spreads those that begin together", () => {
  const waits = Array.from({ length: 200 }, () => makeBackoff({ minMs: 100, maxMs: 1_000 }).next());
  expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(30);
});

test("an aborted wait ends at once and without an error", async () => {
  const signal = AbortSignal.timeout(20);
  const startedAt = performance.now();
  await waitFor(60_000, signal);
  await makeBackoff({ minMs: 60_000, maxMs: 60_000 }).wait(signal);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});
