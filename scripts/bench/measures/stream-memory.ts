import { setTimeout as delay } from "node:timers/promises";
import { checkTarget } from "../load/check-target.ts";
import { runOpenLoop } from "../load/open-loop.ts";
import { openSlowStreams } from "../load/slow-streams.ts";
import { getResidentBytes } from "../processes/resident-memory.ts";
import { median } from "../statistics.ts";
import { openSubjects } from "../subjects/open-subjects.ts";
import type { Subject } from "../subjects/subject.ts";
import type { Bench, Measure } from "./measure.ts";

const openedPerSecond = 500;
const holdSeconds = 10;

/** Resident memory per open stream: thousands of slow streams, each of which must end with `[DONE]`. */
export const streamMemory: Measure = {
  name: "memory",
  title: "resident memory per open slow stream",
  run: async (bench) => {
    const bytes: Record<string, number[]> = {};
    const notes = new Set<string>();
    let setups: Readonly<Record<string, string>> = {};
    for (let round = 1; round <= bench.options.memoryRounds; round += 1) {
      // Fresh processes each round: a heap that has been large once tells nothing about the next stream.
      const subjects = await openSubjects(bench, ["bare", "tollgate"], (subject) => checkTarget(subject, "stream"));
      setups = subjects.setups;
      for (const problem of subjects.problems) notes.add(problem);
      try {
        for (const subject of subjects.list) {
          const perStream = await measureOne(bench, subject);
          (bytes[subject.name] ??= []).push(perStream);
          bench.print(`  round ${round}: ${subject.name} ${(perStream / 1024).toFixed(1)} KB per stream`);
        }
      } finally {
        await subjects.close();
      }
    }
    const inKilobytes = (values: readonly number[]) => values.map((value) => value / 1024);
    const { tollgate } = bytes;
    notes.add(`${bench.options.slowStreams} streams, one event each two seconds, every one of them ended with [DONE]`);
    return {
      bars: tollgate === undefined ? {} : { "memory-per-stream": inKilobytes(tollgate) },
      info: Object.entries(bytes).map(([name, values]) => ({
        what: `memory per open stream: ${name}`,
        unit: "KB",
        values: inKilobytes(values),
      })),
      notes: [...notes],
      setups,
      raw: bytes,
    };
  },
};

async function measureOne(bench: Bench, subject: Subject): Promise<number> {
  const count = bench.options.slowStreams;
  const resident = () => subject.pids().reduce((sum, pid) => sum + getResidentBytes(pid), 0);
  // A heap that has worked a little, so that code and pools are not counted as streams.
  await runOpenLoop(subject.target("stream"), 200, bench.options.warmUpSeconds);
  await delay(1_000);
  const before = resident();
  const streams = openSlowStreams(subject.target("slow"), count, openedPerSecond);
  try {
    await within(streams.opened, (count / openedPerSecond) * 1_000 + 60_000, "the first event of every stream");
    const samples: number[] = [];
    for (let second = 0; second < (bench.options.quick ? 3 : holdSeconds); second += 1) {
      await delay(1_000);
      samples.push(resident());
    }
    bench.upstream.finishSlowStreams();
    await within(streams.ended, 60_000, "the end of every stream");
    return (median(samples) - before) / count;
  } finally {
    await streams.close();
  }
}

async function within(promise: Promise<void>, timeoutMs: number, what: string): Promise<void> {
  const abort = new AbortController();
  const late = delay(timeoutMs, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`${what} did not come in ${timeoutMs} ms`);
  });
  late.catch(() => {}); // aborted when the promise was in time
  try {
    await Promise.race([promise, late]);
  } finally {
    abort.abort();
  }
}
