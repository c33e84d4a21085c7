import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { closeSkipLedger, listSkips, openSkipLedger, recordSkip } from "../../support/skip-ledger.ts";

describe("skip ledger", () => {
  const before = { ...process.env };

  beforeEach(() => openSkipLedger());

  afterEach(() => {
    closeSkipLedger();
    if (before["TOLLGATE_SKIP_LEDGER"] === undefined) delete process.env["TOLLGATE_SKIP_LEDGER"];
    else process.env["TOLLGATE_SKIP_LEDGER"] = before["TOLLGATE_SKIP_LEDGER"];
    delete process.env["REQUIRE_LANTERN"];
  });

  it("lists each skip once, sorted by lane", () => {
    // No lanes of ours: those may be required where this runs.
    recordSkip("lantern", "no wick");
    recordSkip("anvil", "no hammer");
    recordSkip("lantern", "no wick");
    expect(listSkips()).toEqual([
      { lane: "anvil", reason: "no hammer" },
      { lane: "lantern", reason: "no wick" },
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
