import { checkTarget } from "../load/check-target.ts";
import { pairedDifferences } from "../statistics.ts";
import { openSubjects } from "../subjects/open-subjects.ts";
import type { Measure } from "./measure.ts";
import { openLoopInfo, runOpenLoopRounds } from "./open-loop-rounds.ts";

const perSecond = 500;

/** Latency that Tollgate adds to a direct call at a fixed rate, open loop. */
export const latency: Measure = {
  name: "latency",
  title: `latency of JSON answers at ${perSecond} requests per second, open loop`,
  run: async (bench) => {
    const names = ["direct", "tollgate", "bare", "nginx"] as const;
    const subjects = await openSubjects(bench, names, (subject) => checkTarget(subject, "json"));
    try {
      const runs = await runOpenLoopRounds(bench, subjects.list, "json", perSecond);
      const { direct, tollgate } = runs;
      const added = (property: "p50Ms" | "p99Ms") =>
        pairedDifferences(tollgate?.map((run) => run[property]) ?? [], direct?.map((run) => run[property]) ?? []);
      return {
        bars: tollgate === undefined ? {} : { "added-p50": added("p50Ms"), "added-p99": added("p99Ms") },
        info: openLoopInfo(runs, `JSON at ${perSecond} rps`, ["p50Ms", "p99Ms"]),
        notes: subjects.problems,
        setups: subjects.setups,
        raw: runs,
      };
    } finally {
      await subjects.close();
    }
  },
};
