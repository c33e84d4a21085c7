import type postgres from "postgres";
import {
  type AuditCheckpoint,
  type AuditProblem,
  type AuditRow,
  findRowProblem,
  makeAuditHash,
} from "../../server/core/audit-chain.ts";
import { listAuditRows } from "./list-audit-rows.ts";

/** 500 rows of a few kB each: some MB at once, and a few milliseconds of hashing between two answers of PostgreSQL. */
const batchRows = 500;

export interface AuditVerdict {
  /** `null`: the chain is what was written. */
  problem: AuditProblem | null;
  /** How many rows were looked at. */
  entries: number;
  /** The last row that is right; `null` where there is none. */
  head: AuditCheckpoint | null;
}

export interface AuditCheck {
  /** A place that the chain must go through; `null` where none is known. */
  checkpoint: AuditCheckpoint | null;
  /** True: only from the checkpoint on. */
  newOnly?: boolean;
  /** Thrown between batches once aborted. */
  signal?: AbortSignal;
}

/**
 * Reads the chain in its order and computes every hash anew, apart from what the database's own functions say. Memory is
 * that of one batch. Stops at the first row at fault.
 */
export async function findAuditProblem(sql: postgres.Sql, check: AuditCheck): Promise<AuditVerdict> {
  const { checkpoint } = check;
  const start = check.newOnly === true ? checkpoint : null;
  let head: AuditCheckpoint | null = null;
  let entries = 0;
  let isFirst = true;
  for (let count = batchRows; count === batchRows; ) {
    check.signal?.throwIfAborted();
    const next = isFirst ? (start?.seq ?? "0") : String(BigInt(head?.seq ?? "0") + 1n);
    const rows = await listAuditRows(sql, next, batchRows);
    count = rows.length;
    for (const row of rows) {
      const problem = isFirst && start !== null ? findStartProblem(row, start) : findRowProblem(row, head);
      isFirst = false;
      if (problem !== null) return { problem, entries, head };
      if (row.seq === checkpoint?.seq && row.hash !== checkpoint.hash) {
        return { problem: makeReplaced(checkpoint), entries, head };
      }
      entries += 1;
      head = { seq: row.seq, hash: row.hash, at: row.at };
    }
  }
  if (checkpoint !== null && BigInt(head?.seq ?? "0") < BigInt(checkpoint.seq)) {
    const seq = String(BigInt(head?.seq ?? "0") + 1n);
    return {
      problem: { seq, kind: "cut", message: `entries ${seq} to ${checkpoint.seq} are gone from the end` },
      entries,
      head,
    };
  }
  return { problem: null, entries, head };
}

/** The row at the checkpoint itself: what comes before it is not looked at. */
function findStartProblem(row: AuditRow, checkpoint: AuditCheckpoint): AuditProblem | null {
  if (row.seq !== checkpoint.seq) {
    return {
      seq: checkpoint.seq,
      kind: "missing",
      message: `entry ${checkpoint.seq} is missing; the next is ${row.seq}`,
    };
  }
  if (row.hash !== checkpoint.hash) return makeReplaced(checkpoint);
  if (makeAuditHash(row, row.previousHash) === row.hash) return null;
  return { seq: row.seq, kind: "changed", message: `entry ${row.seq} is not what was written` };
}

function makeReplaced({ seq }: AuditCheckpoint): AuditProblem {
  return { seq, kind: "replaced", message: `entry ${seq} is another one than at the checkpoint` };
}
