import { describe, expect, it } from "vitest";
import { findGrantProblems, isPermissionGranted, permissionCatalogue } from "../../../server/core/permission.ts";

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

describe("findGrantProblems", () => {
  const catalogue = [...permissionCatalogue, "billing:read"];
  it("takes what there is, whole services and everything; what the config adds too", () => {
    expect(findGrantProblems([...catalogue, "vec:*", "billing:*", "keys:*", "*"], catalogue)).toEqual([]);
  });
  it("names the nearest and all that are allowed", () => {
    const [problem, ...more] = findGrantProblems(["vec:read", "vec:raed", "billing:read"], permissionCatalogue);
    expect(problem?.path).toBe("permissions[1]");
    expect(problem?.message).toMatch(
      /^there is no vec:raed; did you mean vec:read\? allowed: vec:read, .*, vec:\*, .*, \*$/,
    );
    expect(more).toEqual([{ path: "permissions[2]", message: expect.stringContaining("there is no billing:read") }]);
  });
});
