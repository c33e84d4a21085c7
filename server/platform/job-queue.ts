import { type Job, UnrecoverableError, WaitingError } from "bullmq";

/** A run of a job, as its handler's wrapper sees it. */
export interface JobRun {
  id: string;
  job: string;
  /** 1 for the first. */
  attempt: number;
  attemptsMax: number;
  /** How late it started, in milliseconds. */
  lagMs: number;
  /** Aborts when the process stops and will not wait any longer. */
  signal: AbortSignal;
  /** Tells how far it is, 0 to 100. */
  updateProgress(percent: number): Promise<void>;
}

/** How a run ended. `returned`: it gave up because the process stops, and goes back to the queue as it was. */
export type JobEnd =
  | { kind: "done"; result: Record<string, number> }
  | { kind: "failed"; message: string; mayRetry: boolean }
  | { kind: "returned" };

export interface ScheduleOptions {
  /** Cron with optional seconds, in UTC. */
  pattern: string;
  attemptsMax: number;
  /** Of the first retry; it doubles from one to the next. */
  retryDelayMs: number;
}

/** What is asked of one queue, on either backend. */
export interface JobQueue {
  /** The schedule as it is stored, with the instant of its next run, or `null`. */
  findSchedule(job: string): Promise<{ pattern: string; nextAtMs: number } | null>;
  /** Stores the schedule and its next run. A run that is due but has not begun is replaced by the next one. */
  updateSchedule(job: string, options: ScheduleOptions): Promise<void>;
  /** Whether the run of that instant still stands in the queue or goes on. */
  isLive(job: string, atMs: number): Promise<boolean>;
  /** Adds one run beside the schedule, due at once. A second call with the same instant adds nothing. */
  addRun(job: string, atMs: number, options: Omit<ScheduleOptions, "pattern">): Promise<void>;
  close(): Promise<void>;
}

export interface JobWorker {
  /** Runs that go on in this process. */
  activeRuns(): number;
  /** Takes no more runs; waits for those that go on, at most `graceMs`, then aborts and returns them to the queue. */
  stop(graceMs: number): Promise<void>;
}

/** The part of BullMQ's queue that is used; both backends have it. */
export interface RawQueue {
  getJobScheduler(id: string): Promise<{ pattern?: string; next?: number } | undefined>;
  upsertJobScheduler(id: string, repeat: object, template: object): Promise<unknown>;
  add(name: string, data: object, options: object): Promise<unknown>;
  getJob(id: string): Promise<{ getState(): Promise<string> } | undefined>;
  close(): Promise<void>;
}

/** Finished runs are kept for the admin page, in bounds. */
const keep = { removeOnComplete: { count: 50 }, removeOnFail: { count: 200 } };
const liveStates = new Set(["active", "waiting", "delayed", "prioritized", "waiting-children", "paused"]);

export function makeJobQueue(queue: RawQueue): JobQueue {
  return {
    async findSchedule(job) {
      const found = await queue.getJobScheduler(job);
      if (found?.pattern === undefined || typeof found.next !== "number") return null;
      return { pattern: found.pattern, nextAtMs: found.next };
    },
    async updateSchedule(job, { pattern, attemptsMax, retryDelayMs }) {
      const template = { name: job, opts: makeRunOptions(attemptsMax, retryDelayMs) };
      await queue.upsertJobScheduler(job, { pattern, tz: "UTC" }, template);
    },
    async isLive(job, atMs) {
      const run = await queue.getJob(`repeat:${job}:${atMs}`);
      return run !== undefined && liveStates.has(await run.getState());
    },
    async addRun(job, atMs, { attemptsMax, retryDelayMs }) {
      await queue.add(job, {}, { ...makeRunOptions(attemptsMax, retryDelayMs), jobId: `now-${job}-${atMs}` });
    },
    close: () => queue.close(),
  };
}

function makeRunOptions(attemptsMax: number, retryDelayMs: number): object {
  return { attempts: attemptsMax, backoff: { type: "exponential", delay: retryDelayMs, jitter: 0.25 }, ...keep };
}

/** Turns a function over {@link JobRun} into what BullMQ calls. */
export function makeProcessor(process: (run: JobRun) => Promise<JobEnd>, onChange: (active: 1 | -1) => void) {
  return async (job: Job, token: string | undefined, signal: AbortSignal | undefined): Promise<unknown> => {
    onChange(1);
    try {
      const end = await process({
        id: job.id ?? "",
        job: job.name,
        attempt: job.attemptsMade + 1,
        attemptsMax: job.opts.attempts ?? 1,
        lagMs: Math.max(0, (job.processedOn ?? job.timestamp) - parseDueTime(job)),
        signal: signal ?? new AbortController().signal,
        updateProgress: (percent) => job.updateProgress(percent),
      });
      if (end.kind === "done") return end.result;
      if (end.kind === "failed") throw end.mayRetry ? new Error(end.message) : new UnrecoverableError(end.message);
      await job.moveToWait(token);
      throw new WaitingError();
    } finally {
      onChange(-1);
    }
  };
}

/** BullMQ puts the instant of a scheduled run into its id. */
function parseDueTime(job: Job): number {
  const slot = /^repeat:.*:(\d+)$/.exec(job.id ?? "")?.[1];
  return slot === undefined || job.attemptsMade > 0 ? (job.processedOn ?? job.timestamp) : Number(slot);
}
