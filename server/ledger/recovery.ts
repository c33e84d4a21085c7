import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type postgres from "postgres";
import { deleteBudgetProcess } from "../../db/queries/budget-process.ts";
import { insertUsageEvents } from "../../db/queries/insert-usage-events.ts";
import { formatUsd } from "../core/money.ts";
import type { UsageEvent } from "../core/usage-event.ts";
import { parseCloseLine, parseOpenLine, type UsageEnd } from "../core/usage-line.ts";
import type { Clock } from "../platform/clock.ts";
import { passFailpoint } from "../platform/failpoint.ts";
import type { Logger } from "../platform/logger.ts";
import { ownerFile } from "./journal.ts";
import { getJournalOwner, isOwnerDead, type JournalOwner } from "./journal-owner.ts";
import { segmentPattern } from "./journal-segment.ts";

const batchEvents = 1_000;
const adoptedSuffix = ".adopted";

export interface RecoveryReport {
  /** Folders of dead processes that were taken over and emptied. */
  folders: number;
  /** Events with a known end. */
  closed: number;
  /** Events whose end nobody saw; charged as reserved. */
  open: number;
  /** Of all of these, the ones that were not in PostgreSQL yet. */
  inserted: number;
  /** Nano-USD of budgets that their leases held: free again, or charged where records may be lost. */
  freedNanoUsd: bigint;
  writtenOffNanoUsd: bigint;
}

/**
 * Brings the journals of processes that died into PostgreSQL, gives back what their leases of budgets still hold, and
 * removes them. After another boot (a power loss) records may be missing, because none is synced to disk: then the leases
 * are charged instead, which is the most that can have been spent. Safe to run twice and at once (a folder is
 * taken by renaming it), and to be killed at any point: events collide by id, and a folder goes only after its last batch.
 */
export async function recoverJournals(deps: {
  journalDir: string;
  sql: postgres.Sql;
  clock: Clock;
  logger: Logger;
}): Promise<RecoveryReport> {
  const report: RecoveryReport = {
    folders: 0,
    closed: 0,
    open: 0,
    inserted: 0,
    freedNanoUsd: 0n,
    writtenOffNanoUsd: 0n,
  };
  await mkdir(deps.journalDir, { recursive: true, mode: 0o700 });
  for (const entry of await readdir(deps.journalDir, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const adopted = await adoptFolder(join(deps.journalDir, entry.name), deps.clock);
    if (adopted === null) continue;
    const process = entry.name.replace(/\..*$/s, "");
    await replayFolder(adopted.folder, process, deps.sql, report);
    // Each batch and this are transactions of their own: one that locked several sets of budgets would deadlock.
    const held = await deleteBudgetProcess(deps.sql, process, adopted.isUnsynced);
    if (adopted.isUnsynced) report.writtenOffNanoUsd += held;
    else report.freedNanoUsd += held;
    await rm(adopted.folder, { recursive: true });
    report.folders++;
    const { freedNanoUsd, writtenOffNanoUsd, ...counts } = report;
    deps.logger.info(
      {
        ...counts,
        freed_usd: formatUsd(freedNanoUsd),
        written_off_usd: formatUsd(writtenOffNanoUsd),
        folder: entry.name,
      },
      "adopted the journal of a process that died",
    );
  }
  return report;
}

/** The folder under a name that marks its new owner, or `null` where somebody alive has it. */
async function adoptFolder(folder: string, clock: Clock): Promise<{ folder: string; isUnsynced: boolean } | null> {
  const seen = await stat(join(folder, ownerFile)).catch(() => stat(folder).catch(() => null));
  // Somebody else has taken it since it was listed.
  if (seen === null) return null;
  const silentMs = clock.nowMs() - seen.mtimeMs;
  const text = await readFile(join(folder, ownerFile), "utf8").catch(() => "");
  const owner = parseOwner(text);
  // A folder whose owner file was never finished holds no records; it is as good as dead once it is silent.
  if (owner === null ? silentMs < 60_000 : !isOwnerDead(owner, silentMs)) return null;
  const adopted = `${folder.replace(/\.[^/]*$/, "")}.${process.pid}-${Math.floor(clock.nowMs())}${adoptedSuffix}`;
  try {
    // Of two that try, one succeeds.
    await rename(folder, adopted);
    const here = getJournalOwner();
    const isUnsynced = owner !== null && (owner.isUnsynced === true || owner.bootId !== here.bootId);
    await writeFile(join(adopted, ownerFile), JSON.stringify({ ...here, isUnsynced }), { mode: 0o600 });
    return { folder: adopted, isUnsynced };
  } catch {
    return null;
  }
}

function parseOwner(text: string): JournalOwner | null {
  try {
    return JSON.parse(text) as JournalOwner;
  } catch {
    return null;
  }
}

async function replayFolder(folder: string, process: string, sql: postgres.Sql, report: RecoveryReport): Promise<void> {
  const open = new Map<string, UsageEvent>();
  let batch: UsageEvent[] = [];
  const write = async (): Promise<void> => {
    report.inserted += await insertUsageEvents(sql, process, batch);
    batch = [];
    passFailpoint("recovered-batch");
  };
  const segments = (await readdir(folder)).filter((name) => segmentPattern.test(name)).sort();
  for (const segment of segments) {
    for await (const record of readRecords(join(folder, segment))) {
      if ("publicId" in record) {
        open.set(record.id, record);
        continue;
      }
      // Without its beginning it stood in a segment that was removed, which happens only when PostgreSQL has the event.
      const begun = open.get(record.id);
      if (begun === undefined) continue;
      open.delete(record.id);
      report.closed++;
      if (batch.push({ ...begun, ...record }) >= batchEvents) await write();
    }
  }
  for (const event of open.values()) {
    report.open++;
    if (batch.push(event) >= batchEvents) await write();
  }
  await write();
}

/** The whole records of a segment. A last line without its end, or one that was cut by a full disk, is left out. */
async function* readRecords(path: string): AsyncGenerator<UsageEvent | UsageEnd> {
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    const record =
      line[0] === "O" ? parseOpenLine(line.slice(2)) : line[0] === "C" ? parseCloseLine(line.slice(2)) : null;
    if (record !== null) yield record;
  }
}
