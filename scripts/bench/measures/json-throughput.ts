import { checkTarget } from "../load/check-target.ts";
import { openSubjects } from "../subjects/open-subjects.ts";
import type { Measure } from "./measure.ts";
import { ratiosOf, saturate, saturatedInfo } from "./saturate.ts";

const connections = 64;

/** CPU per request and throughput of JSON answers, saturated. */
export const jsonThroughput: Measure = {
  name: "json",
  title: `JSON answers, ${connections} connections, saturated`,
  run: async (bench) => {
    const names = ["direct", "bare", "tollgate", "tollgate-evalsha", "nginx", "portkey"] as const;
    const subjects = await openSubjects(bench, names, (subject) => checkTarget(subject, "json"));
    try {
      const loads = subjects.list.map((subject) => ({ subject, name: subject.name, answeredBefore: 1 }));
      const { runs, notes } = await saturate(bench, loads, "json", connections);
      const cpu = ratiosOf(runs, "tollgate", "bare", "cpuUsPerRequest");
      const throughput = ratiosOf(runs, "tollgate", "bare", "requestsPerSecond");
      const evalshaCpu = ratiosOf(runs, "tollgate-evalsha", "bare", "cpuUsPerRequest");
      const evalsha = ratiosOf(runs, "tollgate-evalsha", "bare", "requestsPerSecond");
      const portkey = ratiosOf(runs, "tollgate", "portkey", "requestsPerSecond");
      return {
        bars: {
          ...(cpu === undefined ? {} : { "cpu-vs-bare": cpu }),
          ...(throughput === undefined ? {} : { "throughput-vs-bare": throughput.map((ratio) => ratio * 100) }),
          ...(evalshaCpu === undefined ? {} : { "cpu-vs-bare-evalsha": evalshaCpu }),
          ...(evalsha === undefined ? {} : { "throughput-vs-bare-evalsha": evalsha.map((ratio) => ratio * 100) }),
          ...(portkey === undefined ? {} : { "throughput-vs-portkey-json": portkey }),
        },
        info: saturatedInfo(runs, "JSON"),
        notes: [...subjects.problems, ...notes],
        setups: subjects.setups,
        raw: runs,
      };
    } finally {
      await subjects.close();
    }
  },
};
