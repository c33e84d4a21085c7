import { describe, expect, it } from "vitest";
import { makeBarChart } from "../../../scripts/cli/bar-chart.ts";

const bars = [
  { label: "2026-10-01", value: 8, text: "8 USD" },
  { label: "2026-10-02", value: 4, text: "4 USD" },
  { label: "2026-10-03", value: 0.001, text: "0.001 USD" },
  { label: "2026-10-04", value: 0, text: "0 USD" },
];

describe("makeBarChart", () => {
  it("draws to scale within the width; what is more than nothing is seen", () => {
    expect(makeBarChart(bars, 40)).toBe(
      [
        "2026-10-01  █████████████████      8 USD",
        "2026-10-02  ████████▌              4 USD",
        "2026-10-03  ▏                  0.001 USD",
        "2026-10-04                         0 USD",
        "",
      ].join("\n"),
    );
  });

  it("draws in ASCII, cuts long labels, and stays legible where there is no room", () => {
    const lines = makeBarChart([{ label: "x".repeat(50), value: 1, text: "1" }, ...bars], 60, true).split("\n");
    expect(lines[0]).toMatch(/^x{19}~ {2}#+ +1$/);
    expect(lines.every((line) => line.length <= 60)).toBe(true);
    expect(makeBarChart(bars, 1).split("\n")[0]).toContain("██████████");
  });

  it("draws nothing where nothing was, and writes no control characters", () => {
    expect(makeBarChart([{ label: "a\u001b[31m", value: 0, text: "0" }], 40)).not.toContain("\u001b");
    expect(makeBarChart([{ label: "a", value: 0, text: "0" }], 40)).not.toContain("█");
  });
});
