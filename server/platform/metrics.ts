import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { BudgetTerms } from "../core/budget.ts";
import { makeUsdGauge } from "../core/money.ts";
import type { TokenUsage } from "../core/usage.ts";
import { type Counts, countMetrics, makeCounts } from "./count-metrics.ts";
import { type GaugeName, gaugeMetrics } from "./gauge-metrics.ts";
import { noRollupLag, type RollupLagObservation } from "./rollup-lag-observation.ts";
import { type HistogramSet, makeHistogramSet, makeTally, type Tally } from "./tally.ts";

export type AttemptOutcome = "ok" | "refused" | "failed" | "timeout" | "aborted";
export type JobOutcome = "completed" | "failed" | "retried";

/** One finished run of a job; plain data, so that it can cross from the workers' process to the gateway's. */
export interface JobObservation {
  job: string;
  outcome: JobOutcome;
  durationMs: number;
  /** How late it started. */
  lagMs: number;
}

/** Processes that lease budgets and were not seen lately; plain data, like {@link JobObservation}. */
export interface SilentLeases {
  processes: number;
  /** What they hold. */
  heldGauge: number;
}

/** The one home of metrics. No label is ever a key, owner, tag, address or anything else that a client chooses. */
export interface Metrics extends Counts {
  /** One answered request. `code` is the error code, `""` on success. All in milliseconds. */
  observeRequest(endpoint: string, status: number, code: string, durationMs: number, overheadMs: number): void;
  /** One attempt at a provider. */
  observeAttempt(provider: string, outcome: AttemptOutcome): void;
  observeFirstToken(provider: string, firstTokenMs: number): void;
  /** One metered event; `costNanoUsd` is `null` where it is unpriced. */
  observeUsage(usage: Readonly<TokenUsage>, costNanoUsd: bigint | null): void;
  /** A call was refused by a budget of this level; `""` where nobody can say by which. */
  observeBudgetRefusal(level: BudgetTerms["level"] | "", reason: "exhausted" | "held" | "store"): void;
  /** A call cost more than was held for it, by so many nano-USD. */
  noticeDebt(nanoUsd: bigint): void;
  observeFlush(durationMs: number): void;
  observeJob(observation: JobObservation): void;
  /** Whether the audit log was what was written, when it was last looked at. */
  observeAuditChain(intact: boolean): void;
  /** How many keys each advice held for when it was last looked at. */
  observeKeyAdvice(counts: Readonly<Record<string, number>>): void;
  /** Silent processes, when they were last looked at. */
  observeSilentLeases(silent: SilentLeases): void;
  /** How far rollups were behind when they were last worked on. */
  observeRollupLag(lag: RollupLagObservation): void;
  /** How many differences between ledger, rollups and budgets the last reconciliation found. */
  observeBookDifferences(found: number): void;
  /** Sets where a gauge reads its value at each scrape; the last reader wins. */
  watch(gauge: GaugeName, read: () => number): void;
  /** The exposition text of everything. */
  text(): Promise<string>;
  readonly contentType: string;
}

const requestBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const overheadBounds = [0.00005, 0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1];
const jobBounds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300];

/** A histogram whose observations are kept apart and read at a scrape. */
class FoldedHistogram extends Histogram {
  readonly #set: HistogramSet;
  readonly #label: string | null;
  readonly #name: string;
  readonly #help: string;

  constructor(registry: Registry, name: string, help: string, label: string | null, set: HistogramSet) {
    super({ name, help, labelNames: label === null ? [] : [label], registers: [registry] });
    this.#set = set;
    this.#label = label;
    this.#name = name;
    this.#help = help;
  }

  /** What the registry calls for its text, and the base class for its objects; not in the package's types. */
  async getForPromString() {
    const values = this.#set.list().flatMap(({ label, state }) => {
      const labels = this.#label === null ? {} : { [this.#label]: label };
      let below = 0;
      const buckets = [...state.bounds, "+Inf" as const].map((le, index) => {
        below += state.counts[index] as number;
        return { metricName: `${this.#name}_bucket`, labels: { le, ...labels }, value: below };
      });
      return [
        ...buckets,
        { metricName: `${this.#name}_sum`, labels, value: state.sum },
        { metricName: `${this.#name}_count`, labels, value: state.count },
      ];
    });
    return { name: this.#name, help: this.#help, type: "histogram", values, aggregator: "sum" };
  }
}

/** Makes a registry of its own, so that two contexts in one process (tests) share nothing. */
export function openMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: "tollgate_" });

  const counts = makeCounts();
  const addCount = (name: string, help: string, read: () => number): void => {
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  };
  for (const [name, metric, help] of countMetrics) addCount(metric, help, () => counts[name]);
  const addTally = (name: string, help: string, labelNames: readonly string[], tally: Tally): Tally => {
    new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset();
        for (const { values, count } of tally.list()) {
          this.inc(Object.fromEntries(labelNames.map((label, index) => [label, values[index] ?? ""])), count);
        }
      },
    });
    return tally;
  };
  const addHistogram = (name: string, help: string, label: string | null, bounds: readonly number[]): HistogramSet => {
    const set = makeHistogramSet(bounds);
    new FoldedHistogram(registry, name, help, label, set);
    return set;
  };
  const readers = new Map<GaugeName, () => number>();
  for (const [gauge, name, help] of gaugeMetrics) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(readers.get(gauge)?.() ?? 0);
      },
    });
  }

  const requests = addTally(
    "tollgate_requests_total",
    "Requests answered, by endpoint, status and error code.",
    ["endpoint", "status", "code"],
    makeTally(),
  );
  const durations = addHistogram(
    "tollgate_request_duration_seconds",
    "From the request's head to the end of its answer.",
    "endpoint",
    requestBounds,
  );
  const overheads = addHistogram(
    "tollgate_gateway_overhead_seconds",
    "Time of a request that was not spent waiting for the provider.",
    null,
    overheadBounds,
  );
  const attempts = addTally(
    "tollgate_upstream_attempts_total",
    "Attempts at a provider, by outcome.",
    ["provider", "outcome"],
    makeTally(),
  );
  const firstTokens = addHistogram(
    "tollgate_first_token_seconds",
    "From the request sent to the first byte of the provider's answer.",
    "provider",
    requestBounds,
  );

  const usage = { input: 0, cached: 0, cacheWrite: 0, output: 0, reasoning: 0, unpriced: 0, costNanoUsd: 0n };
  new Counter({
    name: "tollgate_tokens_total",
    help: "Tokens metered, by direction; the directions do not overlap.",
    labelNames: ["direction"],
    registers: [registry],
    collect() {
      this.reset();
      this.inc({ direction: "input" }, usage.input);
      this.inc({ direction: "cached_input" }, usage.cached);
      this.inc({ direction: "cache_write" }, usage.cacheWrite);
      this.inc({ direction: "output" }, usage.output);
      this.inc({ direction: "reasoning" }, usage.reasoning);
    },
  });
  addCount("tollgate_cost_usd_total", "Cost metered, in USD.", () => makeUsdGauge(usage.costNanoUsd));
  addCount("tollgate_unpriced_requests_total", "Metered requests of models without a price.", () => usage.unpriced);

  const budgetRefusals = addTally(
    "tollgate_budget_refusals_total",
    "Calls refused by a budget, by its level and the reason.",
    ["level", "reason"],
    makeTally(),
  );

  const debt = { calls: 0, nanoUsd: 0n };
  addCount("tollgate_budget_debts_total", "Calls that cost more than was held for them.", () => debt.calls);
  addCount("tollgate_budget_debt_usd_total", "By how much they did, in USD.", () => makeUsdGauge(debt.nanoUsd));
  const flushes = addHistogram("tollgate_flush_duration_seconds", "One batch into PostgreSQL.", null, jobBounds);

  let auditChainBroken = 0;
  new Gauge({
    name: "tollgate_audit_chain_broken",
    help: "1 where the audit log was not what was written, when it was last looked at.",
    registers: [registry],
    collect() {
      this.set(auditChainBroken);
    },
  });

  let keyAdvice: Readonly<Record<string, number>> = {};
  new Gauge({
    name: "tollgate_keys_advised",
    help: "Keys that something is advised for (rotate, unused, origins_changed), when they were last looked at.",
    labelNames: ["advice"],
    registers: [registry],
    collect() {
      for (const [advice, count] of Object.entries(keyAdvice)) this.set({ advice }, count);
    },
  });

  let silentLeases: SilentLeases = { processes: 0, heldGauge: 0 };
  readers.set("silentProcesses", () => silentLeases.processes);
  readers.set("silentHeldUsd", () => silentLeases.heldGauge);

  let rollupLag = noRollupLag;
  readers.set("unmergedParts", () => rollupLag.parts);
  readers.set("unmergedEvents", () => rollupLag.events);
  readers.set("unmergedOldestSeconds", () => rollupLag.oldestSeconds);
  readers.set("unmergedRefusals", () => rollupLag.refusals);
  readers.set("uncomputedDays", () => rollupLag.days);
  let bookDifferences = 0;
  readers.set("bookDifferences", () => bookDifferences);

  const jobs = addTally("tollgate_jobs_total", "Runs of jobs, by outcome.", ["job", "outcome"], makeTally());
  const jobDurations = addHistogram("tollgate_job_duration_seconds", "One run of a job.", "job", jobBounds);
  const jobLags = addHistogram("tollgate_job_lag_seconds", "How late a job started.", "job", jobBounds);

  return Object.assign(counts, {
    observeRequest(endpoint, status, code, durationMs, overheadMs) {
      requests.add(endpoint, statusTexts[status] ?? "other", code);
      durations.add(endpoint, durationMs / 1000);
      overheads.add("", overheadMs / 1000);
    },
    observeAttempt: (provider, outcome) => attempts.add(provider, outcome),
    observeFirstToken: (provider, firstTokenMs) => firstTokens.add(provider, firstTokenMs / 1000),
    observeUsage(tokens, costNanoUsd) {
      usage.input += tokens.inputTokens + tokens.inputAudioTokens;
      usage.cached += tokens.cachedInputTokens;
      usage.cacheWrite += tokens.cacheWriteTokens;
      usage.output += tokens.outputTokens + tokens.outputAudioTokens;
      usage.reasoning += tokens.reasoningTokens;
      if (costNanoUsd === null) usage.unpriced += 1;
      else usage.costNanoUsd += costNanoUsd;
    },
    observeBudgetRefusal: (level, reason) => budgetRefusals.add(level, reason),
    noticeDebt(nanoUsd) {
      debt.calls++;
      debt.nanoUsd += nanoUsd;
    },
    observeFlush: (durationMs) => flushes.add("", durationMs / 1000),
    observeJob({ job, outcome, durationMs, lagMs }) {
      jobs.add(job, outcome);
      jobDurations.add(job, durationMs / 1000);
      jobLags.add(job, lagMs / 1000);
    },
    observeKeyAdvice(adviceCounts) {
      keyAdvice = { ...adviceCounts };
    },
    observeSilentLeases(silent) {
      silentLeases = silent;
    },
    observeBookDifferences(found) {
      bookDifferences = found;
    },
    observeRollupLag(lag) {
      rollupLag = lag;
    },
    observeAuditChain(intact) {
      auditChainBroken = intact ? 0 : 1;
    },
    watch: (gauge, read) => void readers.set(gauge, read),
    text: () => registry.metrics(),
    contentType: registry.contentType,
  } satisfies Omit<Metrics, keyof Counts>);
}

/** Texts of the statuses made once: a number becomes a label without an allocation. */
const statusTexts: readonly string[] = Array.from({ length: 600 }, (_, status) =>
  status < 100 ? "other" : String(status),
);
