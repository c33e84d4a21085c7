import { z } from "zod";
import { wireInstantOut } from "./wire-types.ts";

export const jobReference = z.strictObject({
  job: z
    .string()
    .regex(/^[a-z][a-z-]{1,60}$/, "must be the name of a job, like expire-keys")
    .describe("The job's name."),
});

/** A job on the wire, with its last run, whichever process ran it. */
export const jobView = z.object({
  job: z.string(),
  queue: z.string(),
  schedule: z.string().describe("Cron, with seconds where there are six fields, in UTC."),
  state: z.enum(["idle", "running", "requested"]).describe("requested: a run was asked for and has not begun."),
  next_run_at: wireInstantOut.nullable(),
  late_ms: z.number().describe("By how much the next run is late by now."),
  started_at: wireInstantOut.nullable(),
  ended_at: wireInstantOut.nullable(),
  outcome: z
    .enum(["completed", "failed", "retried", "returned"])
    .nullable()
    .describe("retried: failed, and tried again; returned: its process stopped, and another takes it up."),
  duration_ms: z.number().nullable(),
  lag_ms: z.number().nullable().describe("How late the last run began."),
  progress: z.number().nullable().describe("In percent."),
  result: z.record(z.string(), z.number()).nullable().describe("What the last run did, as numbers."),
  error: z.string().nullable(),
  runs: z.number(),
  failures: z.number(),
  requested_at: wireInstantOut.nullable(),
  requested_by: z.string().nullable(),
});
export type JobView = z.infer<typeof jobView>;

export const jobList = z.object({ jobs: z.array(jobView), next_cursor: z.null() });
