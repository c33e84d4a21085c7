/** The bars of the performance section that the bench measures or will measure. `not yet` names what they wait for. */
export interface Bar {
  readonly id: BarId;
  readonly title: string;
  readonly unit: string;
  readonly better: "lower" | "higher";
  readonly realistic: number;
  readonly ambitious: number;
  readonly notYet?: string;
}

export type BarId =
  | "cpu-vs-bare"
  | "cpu-vs-bare-evalsha"
  | "throughput-vs-bare"
  | "throughput-vs-bare-evalsha"
  | "throughput-vs-portkey-json"
  | "throughput-vs-portkey-streams"
  | "added-p50"
  | "added-p99"
  | "added-first-byte"
  | "memory-per-stream"
  | "ingest"
  | "rollup"
  | "top-keys"
  | "key-growth"
  | "second-process";

export type Verdict = "ambitious" | "realistic" | "MISS";

const later = "a later issue";

export const bars: readonly Bar[] = [
  lower("cpu-vs-bare", "CPU per request against bare node:http + undici dispatch (leases)", "x", 2.0, 1.6),
  lower("cpu-vs-bare-evalsha", "the same with one EVALSHA per request", "x", 2.6, 2.1),
  higher("throughput-vs-bare", "throughput against the bare proxy (leases)", "%", 50, 60),
  higher("throughput-vs-bare-evalsha", "the same with one EVALSHA per request", "%", 40, 50),
  higher("throughput-vs-portkey-json", "throughput against Portkey OSS, JSON", "x", 6, 10),
  higher("throughput-vs-portkey-streams", "throughput against Portkey OSS, streams", "x", 4, 7),
  lower("added-p50", "added p50 at 500 rps", "ms", 0.6, 0.4),
  lower("added-p99", "p99 minus direct p99 at 500 rps", "ms", 4, 2),
  lower("added-first-byte", "added time to first byte of a stream, p50 over nginx", "ms", 1.5, 0.8),
  lower("memory-per-stream", "memory per open stream, slow streams, 0 errors", "KB", 48, 32),
  higher("ingest", "idempotent ingest into PostgreSQL, one connection", "events/s", 80_000, 120_000),
  lower("rollup", "hour and day rollup of 1M events against one GROUP BY scan", "x", 4, 2.5),
  higher("top-keys", "top-10 keys of a month, rollups against raw", "x", 20, 50),
  lower("key-growth", "growth 100 -> 100,000 keys, same load: CPU per request", "x", 1.15, 1.05),
  higher("second-process", "second process on the second core", "x", 1.6, 1.9, later),
];

/** The best column that `value` (the median of the rounds) reaches, with no allowance for noise. */
export function verdict(bar: Bar, value: number): Verdict {
  const reaches = (figure: number) => (bar.better === "lower" ? value <= figure : value >= figure);
  if (reaches(bar.ambitious)) return "ambitious";
  return reaches(bar.realistic) ? "realistic" : "MISS";
}

function lower(id: BarId, title: string, unit: string, realistic: number, ambitious: number, notYet?: string): Bar {
  return { id, title, unit, better: "lower", realistic, ambitious, ...(notYet === undefined ? {} : { notYet }) };
}

function higher(id: BarId, title: string, unit: string, realistic: number, ambitious: number, notYet?: string): Bar {
  return { id, title, unit, better: "higher", realistic, ambitious, ...(notYet === undefined ? {} : { notYet }) };
}
