import { checkTarget } from "../load/check-target.ts";
import { openSubjects } from "../subjects/open-subjects.ts";
import type { Measure } from "./measure.ts";
import { ratiosOf, saturate, saturatedInfo } from "./saturate.ts";

/** Enough that Portkey's 25 ms before each first event is not what bounds it. */
const connections = 128;

/** Whole streams per second, saturated. */
export const streamThroughput: Measure = {
  name: "streams",
  title: `streams (about 20 events in four writes), ${connections} connections, saturated`,
  run: async (bench) => {
    const names = ["direct", "bare", "tollgate", "nginx", "portkey"] as const;
    const subjects = await openSubjects(bench, names, (subject) => checkTarget(subject, "stream"));
    try {
      const loads = subjects.list.map((subject) => ({ subject, name: subject.name, answeredBefore: 1 }));
      const { runs, notes } = await saturate(bench, loads, "stream", connections);
      const portkey = ratiosOf(runs, "tollgate", "portkey", "requestsPerSecond");
      return {
        bars: portkey === undefined ? {} : { "throughput-vs-portkey-streams": portkey },
        info: saturatedInfo(runs, "streams"),
        notes: [...subjects.problems, ...notes],
        setups: subjects.setups,
        raw: runs,
      };
    } finally {
      await subjects.close();
    }
  },
};
