import { describe, expect, it } from "vitest";
import { isPermissionGranted } from "../../../server/core/permission.ts";

describe("isPermissionGranted", () => {
  it.each([
    [["ai:inference"], "ai:inference", true],
    [["ai:agents"], "ai:inference", false],
    [["vec:*"], "vec:write", true],
    [["vec:*"], "vector:write", false],
    [["*"], "admin:keys", true],
    [["admin:keys"], "keys:verify", true],
    [["admin:*"], "keys:verify", true],
    [["admin:usage"], "keys:verify", false],
    [["keys:verify"], "admin:keys", false],
    [[], "ai:inference", false],
  ])("%j grants %s: %s", (grants, needed, expected) => {
    expect(isPermissionGranted(grants, needed)).toBe(expected);
  });
});
