import type { TrafficKind } from "../upstream/upstream.ts";

/** Where and how to send a request of one kind to a subject; the method is always POST. */
export interface Target {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Something that stands between the load generator and the upstream. */
export interface Subject {
  readonly name: string;
  /** What was on and what was off, for the report. */
  readonly setup: string;
  readonly target: (kind: TrafficKind) => Target;
  /** The processes whose CPU is the subject's CPU. */
  readonly pids: () => readonly number[];
  /** Processes that it started beside (workers, PostgreSQL), told apart in the report. */
  readonly otherPids: () => readonly number[];
  /** How many requests it has metered, all of its life; only for one that meters. */
  readonly countMetered?: () => Promise<number>;
  readonly close: () => Promise<void>;
}
