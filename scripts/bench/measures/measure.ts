import type { BarId } from "../bars.ts";
import type { Options } from "../options.ts";
import type { Cores } from "../processes/cores.ts";
import type { Upstream } from "../upstream/upstream.ts";

/** What every measure works with. */
export interface Bench {
  readonly options: Options;
  readonly cores: Cores;
  /** A temporary folder that is removed at the end. */
  readonly folder: string;
  readonly upstream: Upstream;
  readonly print: (line: string) => void;
}

/** A figure beside the bars: the median of the rounds of one subject, or one number. */
export interface InfoRow {
  readonly what: string;
  readonly unit: string;
  readonly values: readonly number[];
}

export interface MeasureResult {
  /** One value per round; what could not be measured is left out and told in `notes`. */
  readonly bars: Partial<Record<BarId, readonly number[]>>;
  readonly info: readonly InfoRow[];
  readonly notes: readonly string[];
  /** By subject, what was on and off. */
  readonly setups: Readonly<Record<string, string>>;
  /** Everything, as measured, for bench/raw. */
  readonly raw: unknown;
}

export interface Measure {
  readonly name: string;
  readonly title: string;
  readonly run: (bench: Bench) => Promise<MeasureResult>;
}
