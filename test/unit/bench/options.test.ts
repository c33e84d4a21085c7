import { describe, expect, it } from "vitest";
import { parseOptions } from "../../../scripts/bench/options.ts";

const names = ["json", "streams"];

describe("parseOptions", () => {
  it("measures everything, seven rounds, unless told otherwise", () => {
    expect(parseOptions([], names)).toMatchObject({
      quick: false,
      rounds: 7,
      slowStreams: 5_000,
      keysMany: 100_000,
      only: [],
    });
  });

  it("takes rounds, seconds and names", () => {
    expect(parseOptions(["--rounds", "9", "--seconds", "2", "--only", "json, streams"], names)).toMatchObject({
      rounds: 9,
      runSeconds: 2,
      only: ["json", "streams"],
    });
    expect(parseOptions(["--quick", "--rounds", "3"], names)).toMatchObject({ quick: true, rounds: 3 });
  });

  it("names what is allowed", () => {
    expect(() => parseOptions(["--only", "jsn"], names)).toThrow("allowed are json, streams");
    expect(() => parseOptions(["--rounds", "0"], names)).toThrow("allowed is a whole number");
    expect(() => parseOptions(["--seconds", "1.5"], names)).toThrow("allowed is a whole number");
    expect(() => parseOptions(["--fast"], names)).toThrow("--fast");
  });
});
