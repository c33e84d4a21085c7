import { describe, expect, it } from "vitest";
import { type BarId, bars, verdict } from "../../../scripts/bench/bars.ts";

const bar = (id: BarId) => {
  const found = bars.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`no bar ${id}`);
  return found;
};

describe("bars", () => {
  it("asks more of the ambitious figure than of the realistic one", () => {
    for (const { better, realistic, ambitious } of bars) {
      expect(better === "lower" ? ambitious < realistic : ambitious > realistic).toBe(true);
    }
  });

  it("has each bar once", () => {
    expect(new Set(bars.map(({ id }) => id)).size).toBe(bars.length);
  });
});

describe("verdict", () => {
  it("where less is better: the best column that is reached, limits included", () => {
    const cpu = bar("cpu-vs-bare");
    expect(verdict(cpu, 1.6)).toBe("ambitious");
    expect(verdict(cpu, 1.61)).toBe("realistic");
    expect(verdict(cpu, 2.0)).toBe("realistic");
    expect(verdict(cpu, 2.01)).toBe("MISS");
  });

  it("where more is better", () => {
    const ingest = bar("ingest");
    expect(verdict(ingest, 120_000)).toBe("ambitious");
    expect(verdict(ingest, 119_999)).toBe("realistic");
    expect(verdict(ingest, 79_999)).toBe("MISS");
  });
});
