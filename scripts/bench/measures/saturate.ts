import { runWrk, type WrkResult, type WrkSettings } from "../load/wrk.ts";
import { getCpuMsOfAll, settleCpu } from "../processes/cpu-time.ts";
import { pairedRatios } from "../statistics.ts";
import type { Subject } from "../subjects/subject.ts";
import type { TrafficKind } from "../upstream/upstream.ts";
import type { Bench, InfoRow } from "./measure.ts";
import { checkMetered } from "./metered.ts";

/** One saturating run of one subject. */
export interface SaturatedRun extends WrkResult {
  /** CPU microseconds of the subject per request, work that it put off included. */
  readonly cpuUsPerRequest: number;
  /** The same of what it started beside itself. */
  readonly otherCpuUsPerRequest: number;
}

export type SaturatedRuns = Readonly<Record<string, readonly SaturatedRun[]>>;

export interface Saturation {
  readonly runs: SaturatedRuns;
  /** What was metered against what was served. */
  readonly notes: readonly string[];
}

export interface Load {
  readonly subject: Subject;
  /** The name that the runs are kept under. */
  readonly name: string;
  readonly keysFile?: string;
  /** Answered before the saturation began, the check of the answer included. */
  readonly answeredBefore: number;
  readonly cutOffBefore?: number;
}

/** Saturates the subjects one after the other, A B A B, and measures what a request costs each. */
export async function saturate(
  bench: Bench,
  loads: readonly Load[],
  kind: Exclude<TrafficKind, "slow">,
  connections: number,
): Promise<Saturation> {
  const answered = new Map(loads.map((load) => [load, load.answeredBefore]));
  const runLoad = async (load: Load, seconds: number) => {
    const run = await runOne(load, kind, { connections, seconds });
    answered.set(load, (answered.get(load) ?? 0) + run.requests);
    return run;
  };
  const runs: Record<string, SaturatedRun[]> = Object.fromEntries(loads.map(({ name }) => [name, []]));
  const { options } = bench;
  for (const load of loads) await runLoad(load, options.warmUpSeconds);
  for (let round = 1; round <= options.rounds; round += 1) {
    const figures: string[] = [];
    for (const load of loads) {
      const run = await runLoad(load, options.runSeconds);
      runs[load.name]?.push(run);
      figures.push(`${load.name} ${Math.round(run.requestsPerSecond)}/s ${run.cpuUsPerRequest.toFixed(1)} us`);
    }
    bench.print(`  round ${round}: ${figures.join("  ")}`);
  }
  const notes: string[] = [];
  for (const load of loads) {
    const cutOffMax = (load.cutOffBefore ?? 0) + connections * (options.rounds + 1);
    const note = await checkMetered(load.subject, answered.get(load) ?? 0, cutOffMax);
    if (note !== undefined) notes.push(`${load.name}: ${note}`);
  }
  return { runs, notes };
}

async function runOne({ subject, keysFile }: Load, kind: TrafficKind, settings: WrkSettings): Promise<SaturatedRun> {
  const everyPid = () => [...subject.pids(), ...subject.otherPids()];
  await settleCpu(everyPid);
  const pids = subject.pids();
  const others = subject.otherPids();
  const [before, otherBefore] = [getCpuMsOfAll(pids), getCpuMsOfAll(others)];
  const result = await runWrk(subject.target(kind), { ...settings, ...(keysFile === undefined ? {} : { keysFile }) });
  await settleCpu(everyPid);
  const perRequest = (cpuMs: number) => (cpuMs * 1_000) / result.requests;
  return {
    ...result,
    cpuUsPerRequest: perRequest(getCpuMsOfAll(pids) - before),
    otherCpuUsPerRequest: perRequest(getCpuMsOfAll(others) - otherBefore),
  };
}

/** Ratios of one property, round by round; undefined where one of the two was not measured. */
export function ratiosOf(
  runs: SaturatedRuns,
  ours: string,
  theirs: string,
  property: keyof SaturatedRun,
): number[] | undefined {
  const [our, their] = [runs[ours], runs[theirs]];
  if (our === undefined || their === undefined) return undefined;
  return pairedRatios(
    our.map((run) => run[property]),
    their.map((run) => run[property]),
  );
}

/** Throughput, CPU and median latency of each subject, for the report. */
export function saturatedInfo(runs: SaturatedRuns, traffic: string): InfoRow[] {
  const rows: InfoRow[] = [];
  for (const [name, list] of Object.entries(runs)) {
    rows.push({
      what: `${traffic}: ${name}, throughput`,
      unit: "/s",
      values: list.map((run) => run.requestsPerSecond),
    });
    if (list.some((run) => run.cpuUsPerRequest > 0)) {
      rows.push({
        what: `${traffic}: ${name}, CPU per request`,
        unit: "us",
        values: list.map((run) => run.cpuUsPerRequest),
      });
    }
    if (list.some((run) => run.otherCpuUsPerRequest > 0)) {
      rows.push({
        what: `${traffic}: ${name}, CPU per request of its workers and PostgreSQL`,
        unit: "us",
        values: list.map((run) => run.otherCpuUsPerRequest),
      });
    }
  }
  return rows;
}
