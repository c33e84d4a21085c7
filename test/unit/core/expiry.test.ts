import { describe, expect, it } from "vitest";
import { isExpired, makeExpiry, parseInstant } from "../../../server/core/expiry.ts";

const policy = { expiryDaysDefault: 90, expiryDaysMax: 365, allowNoExpiry: false };
const nowMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;

describe("parseInstant", () => {
  it.each([
    ["2025-12-20T23:00:00Z", "2025-12-20T23:00:00.000Z"],
    ["2025-12-20t23:00:00.1234567z", "2025-12-20T23:00:00.123Z"],
    ["2025-12-20 23:00:00.000000 UTC", "2025-12-20T23:00:00.000Z"],
    ["2025-12-20T23:00:00+05:30", "2025-12-20T17:30:00.000Z"],
    ["2025-12-20T23:00:00-0200", "2025-12-21T01:00:00.000Z"],
    ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
  ])("%s", (text, iso) => {
    expect(parseInstant(text)?.toISOString()).toBe(iso);
  });

  it.each([
    "",
    "tomorrow",
    "2025-12-20",
    "2025-12-20T23:00:00",
    "2025-02-29T00:00:00Z",
    "2025-13-01T00:00:00Z",
    "2025-12-20T24:00:00Z",
    "2025-12-20T23:60:00Z",
    "2025-12-20T23:00:60Z",
    "2025-12-20T23:00:00+25:00",
    "２025-12-20T23:00:00Z",
    "2025-12-20T23:00:00Z\n",
    "1767225600",
  ])("refuses %j", (text) => {
    expect(parseInstant(text)).toBeNull();
  });
});

describe("makeExpiry", () => {
  it("defaults to the deployment's days", () => {
    expect(makeExpiry(undefined, nowMs, policy)).toEqual({ expiresAt: new Date(nowMs + 90 * dayMs) });
  });

  it("takes the last allowed millisecond, refuses the next", () => {
    const last = new Date(nowMs + 365 * dayMs);
    expect(makeExpiry(last, nowMs, policy)).toEqual({ expiresAt: last });
    expect(makeExpiry(new Date(last.getTime() + 1), nowMs, policy)).toEqual({
      problem: "must be at most 365 days ahead",
    });
    expect(makeExpiry(new Date(nowMs), nowMs, policy)).toEqual({ problem: "must lie in the future" });
    expect(makeExpiry(new Date(nowMs + 1), nowMs, policy)).toEqual({ expiresAt: new Date(nowMs + 1) });
  });

  it("never ends only where the deployment allows it", () => {
    expect(makeExpiry(null, nowMs, policy)).toHaveProperty("problem");
    expect(makeExpiry(null, nowMs, { ...policy, allowNoExpiry: true })).toEqual({ expiresAt: null });
  });
});

it("isExpired: the instant itself is past the end", () => {
  expect(isExpired(null, nowMs)).toBe(false);
  expect(isExpired(new Date(nowMs + 1), nowMs)).toBe(false);
  expect(isExpired(new Date(nowMs), nowMs)).toBe(true);
});
