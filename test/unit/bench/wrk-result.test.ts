import { describe, expect, it } from "vitest";
import { parseWrkResult } from "../../../scripts/bench/load/wrk.ts";

const good = {
  requests: 5_000,
  microseconds: 2_000_000,
  connectErrors: 0,
  readErrors: 0,
  writeErrors: 0,
  statusErrors: 0,
  timeouts: 0,
  p50Us: 1_500,
  p99Us: 9_000,
};
const output = (result: object) => `Running 2s test\n  1 threads\n\nBENCH ${JSON.stringify(result)}\n`;

describe("parseWrkResult", () => {
  it("reads requests, rate and latencies", () => {
    expect(parseWrkResult(output(good))).toEqual({ requests: 5_000, requestsPerSecond: 2_500, p50Ms: 1.5, p99Ms: 9 });
  });

  it.each(["connectErrors", "readErrors", "writeErrors", "statusErrors", "timeouts"])(
    "refuses a run with %s",
    (name) => {
      expect(() => parseWrkResult(output({ ...good, [name]: 1 }))).toThrow(/does not count/);
    },
  );

  it("refuses a run that completed nothing or reported nothing", () => {
    expect(() => parseWrkResult(output({ ...good, requests: 0 }))).toThrow(/no request/);
    expect(() => parseWrkResult("unable to connect")).toThrow(/reported nothing/);
    expect(() => parseWrkResult(output({ requests: 1 }))).toThrow(/has no/);
  });
});
