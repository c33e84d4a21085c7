import { describe, expect, it } from "vitest";
import { getCpuMs, parseStat } from "../../../scripts/bench/processes/cpu-time.ts";
import { listDescendants } from "../../../scripts/bench/processes/descendants.ts";
import { getResidentBytes, parseResidentBytes } from "../../../scripts/bench/processes/resident-memory.ts";

describe("parseStat", () => {
  it("reads parent and user plus system time, whatever the command is called", () => {
    const rest = "S 42 1 1 0 -1 4194560 100 0 0 0 150 25 0 0 20 0 11 0 1000 1000000 500";
    for (const name of ["node", "a b", "x) y", "(((", "1 2 3"]) {
      expect(parseStat(`7 (${name}) ${rest}`)).toEqual({ parentPid: 42, cpuMs: 1_750 });
    }
  });

  it("refuses what is no such line", () => {
    expect(() => parseStat("")).toThrow("not a line");
    expect(() => parseStat("7 (node) S 42")).toThrow("not a line");
  });
});

describe("parseResidentBytes", () => {
  it("reads VmRSS in bytes", () => {
    expect(parseResidentBytes("Name:\tnode\nVmHWM:\t  9000 kB\nVmRSS:\t  2048 kB\nThreads:\t11\n")).toBe(2_097_152);
  });

  it("refuses a status without it (a zombie has none)", () => {
    expect(() => parseResidentBytes("Name:\tnode\nState:\tZ (zombie)\n")).toThrow("no VmRSS");
  });
});

describe("this process", () => {
  it("has used CPU, holds memory, and is a descendant of its parent", () => {
    expect(getCpuMs(process.pid)).toBeGreaterThan(0);
    expect(getResidentBytes(process.pid)).toBeGreaterThan(1_000_000);
    expect(listDescendants(process.ppid)).toContain(process.pid);
  });
});
