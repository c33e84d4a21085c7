import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { closeSkipLedger, listSkips, openSkipLedger, recordSkip } from "../../support/skip-ledger.ts";

describe("skip ledger", () => {
  const before = { ...process.env };

  beforeEach(() => openSkipLedger());

  afterEach(() => {
    closeSkipLedger();
    process.env["TOLLGATE_SKIP_LEDGER"] = before["TOLLGATE_SKIP_LEDGER"];
    delete process.env["REQUIRE_LANTERN"];
  });

  it("lists each skip once, sorted by lane", () => {
    recordSkip("redis", "no redis-server on PATH");
    recordSkip("browser", "no chromium on PATH");
    recordSkip("redis", "no redis-server on PATH");
    expect(listSkips()).toEqual([
      { lane: "browser", reason: "no chromium on PATH" },
      { lane: "redis", reason: "no redis-server on PATH" },
    ]);
  });

  it("is empty at first", () => {
    expect(listSkips()).toEqual([]);
  });

  it("fails where the lane is required", () => {
    process.env["REQUIRE_LANTERN"] = "1";
    expect(() => recordSkip("lantern", "no wick")).toThrow(
      "REQUIRE_LANTERN=1 and the lantern lane cannot run: no wick",
    );
    expect(listSkips()).toEqual([]);
  });
});
