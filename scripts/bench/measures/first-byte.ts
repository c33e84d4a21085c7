import { checkTarget } from "../load/check-target.ts";
import { pairedDifferences } from "../statistics.ts";
import { openSubjects } from "../subjects/open-subjects.ts";
import type { Measure } from "./measure.ts";
import { openLoopInfo, runOpenLoopRounds } from "./open-loop-rounds.ts";

const perSecond = 200;

/** Time to the first byte of a stream that Tollgate adds to what nginx needs. */
export const firstByte: Measure = {
  name: "first-byte",
  title: `first byte of a stream at ${perSecond} streams per second, open loop`,
  run: async (bench) => {
    const names = ["direct", "nginx", "tollgate", "bare"] as const;
    const subjects = await openSubjects(bench, names, (subject) => checkTarget(subject, "stream"));
    try {
      const runs = await runOpenLoopRounds(bench, subjects.list, "stream", perSecond);
      const { nginx, tollgate } = runs;
      const both = nginx !== undefined && tollgate !== undefined;
      return {
        bars: both
          ? {
              "added-first-byte": pairedDifferences(
                tollgate.map((run) => run.firstByteP50Ms),
                nginx.map((run) => run.firstByteP50Ms),
              ),
            }
          : {},
        info: openLoopInfo(runs, `streams at ${perSecond} rps`, ["firstByteP50Ms", "firstByteP99Ms"]),
        notes: subjects.problems,
        setups: subjects.setups,
        raw: runs,
      };
    } finally {
      await subjects.close();
    }
  },
};
