import { describe, expect, it } from "vitest";
import type { MeasureResult } from "../../../scripts/bench/measures/measure.ts";
import { formatFigure, listBarRows, makeReport } from "../../../scripts/bench/report.ts";

const result: MeasureResult = {
  bars: { "cpu-vs-bare": [1.7, 1.9, 1.5], ingest: [70_000, 60_000] },
  info: [{ what: "JSON: bare, throughput", unit: "/s", values: [20_000, 22_000, 21_000] }],
  notes: ["a note"],
  setups: { bare: "nothing looked at" },
  raw: null,
};

describe("listBarRows", () => {
  const rows = new Map(listBarRows([result]).map((row) => [row.bar.id, row]));

  it("judges the median of the rounds", () => {
    expect(rows.get("cpu-vs-bare")).toMatchObject({
      summary: { median: 1.7, min: 1.5, max: 1.9 },
      verdict: "realistic",
    });
    expect(rows.get("ingest")?.verdict).toBe("MISS");
  });

  it("tells apart what was not measured and what belongs to a later issue", () => {
    expect(rows.get("added-p50")?.verdict).toBe("not measured");
    expect(rows.get("second-process")?.verdict).toBe("not yet");
  });
});

describe("makeReport", () => {
  it("holds bars, machine, conditions, setups, figures, notes and failures", () => {
    const text = makeReport({
      command: "npm run bench",
      machine: [["CPU", "a | b"]],
      conditions: ["pinned"],
      results: [result],
      failures: ["memory failed: broken\npipe"],
    });
    expect(text).toContain("| 1.70x | 1.50x | 1.90x | 3 | <= 2.00x | <= 1.60x | PASS (realistic) |");
    expect(text).toContain(
      "| 65,000 events/s | 60,000 events/s | 70,000 events/s | 2 | >= 80,000 events/s | >= 120,000 events/s | MISS |",
    );
    expect(text).toContain("| CPU | a \\| b |");
    expect(text).toContain("* pinned");
    expect(text).toContain("| bare | nothing looked at |");
    expect(text).toContain("| JSON: bare, throughput | 21,000/s | 20,000/s | 22,000/s | 3 |");
    expect(text).toContain("* a note");
    expect(text).toContain("* memory failed: broken pipe");
  });
});

describe("formatFigure", () => {
  it("keeps three significant digits and groups thousands", () => {
    expect(formatFigure(0.417, "ms")).toBe("0.42 ms");
    expect(formatFigure(12.34, "x")).toBe("12.3x");
    expect(formatFigure(1234567, "/s")).toBe("1,234,567/s");
    expect(formatFigure(-0.5, "ms")).toBe("-0.50 ms");
    expect(formatFigure(99.96, "%")).toBe("100.0%");
  });
});
