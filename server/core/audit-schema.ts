import { z } from "zod";
import { wireDigits, wireInstant, wireInstantOut, wireLine } from "./wire-types.ts";

export const listAuditInput = z.strictObject({
  limit: wireDigits(1, 200).default(50).describe("How many entries at most."),
  cursor: z
    .string()
    .regex(/^\d{1,18}$/, "must be a next_cursor of an earlier answer")
    .optional()
    .describe("`next_cursor` of the page before."),
  actor: wireLine(200).optional().describe("Who: `system`, `system:JOB`, `cli`, `key:PUBLIC_ID` or `user:ID`."),
  action: wireLine(100).optional().describe("What was done, like `keys.create`."),
  object: wireLine(200).optional().describe("To what: its id, its type, or both as `TYPE:ID`."),
  from: wireInstant.optional().describe("Entries of this instant and later."),
  to: wireInstant.optional().describe("Entries before this instant."),
});

/** An entry on the wire. `before` and `after` are views of the object, which hold no secret. */
export const auditEntryView = z.object({
  seq: z.number(),
  at: wireInstantOut,
  actor: z.string(),
  action: z.string(),
  object_type: z.string(),
  object_id: z.string(),
  owner_id: z.string().nullable(),
  before: z.unknown(),
  after: z.unknown(),
  ip: z.string(),
  request_id: z.string(),
  previous_hash: z.string(),
  hash: z.string(),
});
export type AuditEntryView = z.infer<typeof auditEntryView>;

export const auditList = z.object({ entries: z.array(auditEntryView), next_cursor: z.string().nullable() });

const place = z.object({ seq: z.number(), at: wireInstantOut, hash: z.string() });

export const auditVerdictView = z.object({
  valid: z.boolean(),
  entries: z.number().describe("How many entries were looked at."),
  head: place.nullable().describe("The last entry that is right."),
  checkpoint: place.nullable().describe("What this gateway keeps outside of the database, as of the last minute."),
  problem: z
    .object({
      seq: z.number().describe("The first entry at fault."),
      kind: z.enum(["changed", "missing", "unlinked", "cut", "replaced", "checkpoint"]),
      message: z.string(),
    })
    .nullable(),
});
export type AuditVerdictView = z.infer<typeof auditVerdictView>;
