import { describe, expect, it } from "vitest";
import { makeCsvCell, makeCsvLine } from "../../../server/core/csv.ts";

describe("makeCsvCell", () => {
  it.each(["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("http://x","y")'])("%j is no formula", (text) => {
    expect(makeCsvCell(text).replace(/^"/, "")).toMatch(/^'/);
  });

  it("quotes what would end a cell or a line", () => {
    expect(makeCsvCell('a"b')).toBe('"a""b"');
    expect(makeCsvCell("a,b")).toBe('"a,b"');
    expect(makeCsvCell("a\nb")).toBe('"a\nb"');
    expect(makeCsvCell("a=b")).toBe("a=b");
  });

  it("leaves numbers numbers, and nothing empty", () => {
    expect(makeCsvLine([-1, 2n, true, null, undefined, "x"])).toBe("-1,2,true,,,x\r\n");
  });
});
