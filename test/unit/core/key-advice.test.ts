import { describe, expect, test } from "vitest";
import { findKeyAdvice } from "../../../server/core/key-advice.ts";

const nowMs = Date.UTC(2027, 0, 1);
const daysAgo = (days: number) => new Date(nowMs - days * 86_400_000);

type Key = Parameters<typeof findKeyAdvice>[0];

function makeKey(more: Partial<Key>): Key {
  return {
    type: "production",
    state: "active",
    expiresAt: null,
    createdAt: daysAgo(10),
    rotatedAt: null,
    lastUsedAt: daysAgo(1),
    originsChangedAt: null,
    ...more,
  };
}

const cases: readonly [string, Partial<Key>, string[]][] = [
  ["a young key in use", {}, []],
  ["production, 90 days to the instant", { createdAt: daysAgo(90) }, []],
  ["production, over 90 days", { createdAt: daysAgo(90.001) }, ["rotate"]],
  ["production, old, rotated since", { createdAt: daysAgo(400), rotatedAt: daysAgo(89) }, []],
  ["production, rotated long ago", { createdAt: daysAgo(400), rotatedAt: daysAgo(91) }, ["rotate"]],
  ["development, 364 days", { type: "development", createdAt: daysAgo(364) }, []],
  ["development, 366 days", { type: "development", createdAt: daysAgo(366) }, ["rotate"]],
  ["client, however old", { type: "client", createdAt: daysAgo(1_000) }, []],
  ["unused for 91 days", { type: "client", createdAt: daysAgo(100), lastUsedAt: daysAgo(91) }, ["unused"]],
  ["never used, made 91 days ago", { createdAt: daysAgo(91), lastUsedAt: null }, ["rotate", "unused"]],
  ["never used, made 89 days ago", { createdAt: daysAgo(89), lastUsedAt: null }, []],
  ["client, origins changed", { type: "client", originsChangedAt: daysAgo(1) }, ["origins_changed"]],
  ["client, rotated since", { type: "client", originsChangedAt: daysAgo(2), rotatedAt: daysAgo(1) }, []],
  ["production, origins changed", { originsChangedAt: daysAgo(1) }, []],
  ["disabled", { state: "disabled", createdAt: daysAgo(91) }, ["rotate"]],
  ["revoked", { state: "revoked", createdAt: daysAgo(999), lastUsedAt: null }, []],
  ["marked as expired", { state: "expired", createdAt: daysAgo(999) }, []],
  ["ended, not marked yet", { expiresAt: daysAgo(0), createdAt: daysAgo(999) }, []],
];

describe("findKeyAdvice", () => {
  test.each(cases)("%s", (_title, more, advice) => {
    expect(findKeyAdvice(makeKey(more), nowMs)).toEqual(advice);
  });
});
