import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkTarget } from "../load/check-target.ts";
import { runWrk } from "../load/wrk.ts";
import { tollgateSubject } from "../subjects/tollgate.ts";
import { insertBenchKeys } from "../subjects/tollgate-keys.ts";
import { openTollgateProcess } from "../subjects/tollgate-process.ts";
import type { Bench, Measure } from "./measure.ts";
import { type Load, ratiosOf, saturate, saturatedInfo } from "./saturate.ts";

const keysFew = 100;
const connections = 64;
/**
 * Each key is asked for once before the first round; a look-up in PostgreSQL is no part of the steady state. A run that was too
 * short for all of them is followed by another, which gets past those that are known more quickly.
 */
const firstUse = { connections: 256, keysPerSecond: 4_000, runsMax: 6 };

/** CPU per request of two Tollgates under the same load, one with few keys and one with many, all of them in use. */
export const keyGrowth: Measure = {
  name: "key-growth",
  title: "the same load on few and on many keys, all of them in use",
  run: async (bench) => {
    const few = await openWithKeys(bench, keysFew);
    try {
      const many = await openWithKeys(bench, bench.options.keysMany);
      try {
        const { runs, notes } = await saturate(bench, [few, many], "json", connections);
        const growth = ratiosOf(runs, many.name, few.name, "cpuUsPerRequest");
        return {
          bars: growth === undefined ? {} : { "key-growth": growth },
          info: saturatedInfo(runs, "JSON"),
          notes: [
            ...notes,
            `key growth: from ${keysFew} to ${bench.options.keysMany} keys, each request carries the next one`,
          ],
          setups: { tollgate: few.subject.setup },
          raw: runs,
        };
      } finally {
        await many.subject.close();
      }
    } finally {
      await few.subject.close();
    }
  },
};

async function openWithKeys(bench: Bench, count: number): Promise<Load & { keysFile: string }> {
  const tollgate = await openTollgateProcess(bench.upstream, bench.cores, bench.folder);
  try {
    const keys = await insertBenchKeys(tollgate.databaseUrl, tollgate.pepper, count);
    const keysFile = join(mkdtempSync(join(bench.folder, "keys-")), "keys.txt");
    writeFileSync(keysFile, `${keys.join("\n")}\n`, { mode: 0o600 });
    const subject = tollgateSubject(tollgate, keys[0] ?? "");
    await checkTarget(subject, "json");
    const seconds = Math.max(bench.options.warmUpSeconds, Math.ceil(count / firstUse.keysPerSecond));
    let requests = 0;
    let runs = 0;
    for (let used = 0; used < count; runs++) {
      if (runs === firstUse.runsMax)
        throw new Error(`${count} keys, but only ${used} of them were used within ${runs} runs of ${seconds} s`);
      const run = await runWrk(subject.target("json"), { connections: firstUse.connections, seconds, keysFile });
      used = run.requests;
      requests += run.requests;
    }
    bench.print(`  ${count} keys stored and each used once`);
    return {
      subject,
      name: `tollgate with ${count} keys`,
      keysFile,
      answeredBefore: 1 + requests,
      cutOffBefore: firstUse.connections * runs,
    };
  } catch (error) {
    await tollgate.close();
    throw error;
  }
}
