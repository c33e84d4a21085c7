import { runOpenLoop } from "../load/open-loop.ts";
import { percentile } from "../statistics.ts";
import type { Subject } from "../subjects/subject.ts";
import type { TrafficKind } from "../upstream/upstream.ts";
import type { Bench, InfoRow } from "./measure.ts";

/** One open-loop run of one subject. */
export interface OpenLoopRun {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly firstByteP50Ms: number;
  readonly firstByteP99Ms: number;
}

export type OpenLoopRuns = Readonly<Record<string, readonly OpenLoopRun[]>>;

/** Loads the subjects at a fixed rate, one after the other, A B A B. */
export async function runOpenLoopRounds(
  bench: Bench,
  subjects: readonly Subject[],
  kind: TrafficKind,
  perSecond: number,
): Promise<OpenLoopRuns> {
  const runs: Record<string, OpenLoopRun[]> = Object.fromEntries(subjects.map(({ name }) => [name, []]));
  const { options } = bench;
  for (const subject of subjects) await runOpenLoop(subject.target(kind), perSecond, options.warmUpSeconds);
  for (let round = 1; round <= options.rounds; round += 1) {
    const figures: string[] = [];
    for (const subject of subjects) {
      const { latenciesMs, firstBytesMs } = await runOpenLoop(subject.target(kind), perSecond, options.runSeconds);
      const run = {
        p50Ms: percentile(latenciesMs, 0.5),
        p99Ms: percentile(latenciesMs, 0.99),
        firstByteP50Ms: percentile(firstBytesMs, 0.5),
        firstByteP99Ms: percentile(firstBytesMs, 0.99),
      };
      runs[subject.name]?.push(run);
      figures.push(
        `${subject.name} p50 ${run.p50Ms.toFixed(2)} p99 ${run.p99Ms.toFixed(2)} first ${run.firstByteP50Ms.toFixed(2)}`,
      );
    }
    bench.print(`  round ${round}, ms: ${figures.join("  ")}`);
  }
  return runs;
}

export function openLoopInfo(runs: OpenLoopRuns, what: string, properties: readonly (keyof OpenLoopRun)[]): InfoRow[] {
  return Object.entries(runs).flatMap(([name, list]) =>
    properties.map((property) => ({
      what: `${what}: ${name}, ${labels[property]}`,
      unit: "ms",
      values: list.map((run) => run[property]),
    })),
  );
}

const labels: Readonly<Record<keyof OpenLoopRun, string>> = {
  p50Ms: "p50",
  p99Ms: "p99",
  firstByteP50Ms: "first byte p50",
  firstByteP99Ms: "first byte p99",
};
