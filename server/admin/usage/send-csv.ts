import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Response } from "express";
import { type CsvValue, makeCsvLine } from "../../core/csv.ts";
import { AppError } from "../../core/error.ts";

/** Exports that run at once in a process: each holds a connection of the pool while it is read. */
const runningMax = 2;
/** A reader that takes nothing for this long is gone. */
const stallMs = 60_000;
let running = 0;

/**
 * Sends lines as a CSV file at the reader's pace: what he has not taken is not asked for. Memory is constant.
 *
 * @param open begins to read; called only when there is a place.
 * @throws AppError `overloaded`, and what the first read throws.
 */
export async function sendCsv(
  res: Response,
  name: string,
  header: readonly string[],
  open: () => AsyncIterable<readonly (readonly CsvValue[])[]>,
): Promise<void> {
  if (running >= runningMax) {
    throw new AppError("overloaded", "Other exports are running.", { retryAfterSeconds: 5 });
  }
  running++;
  const rows = open()[Symbol.asyncIterator]();
  try {
    const first = await rows.next();
    res.setHeader("content-type", "text/csv; charset=utf-8; header=present");
    res.setHeader("content-disposition", `attachment; filename="${name}.csv"`);
    res.setTimeout(stallMs, () => res.destroy());
    await pipeline(
      Readable.from(writeLines(header, first, rows), { objectMode: false, highWaterMark: 64 * 1024 }),
      res,
    );
  } catch (error) {
    if (!res.headersSent) throw error;
    // Half a file must not look like a whole one; a reader who leaves is no fault.
    res.destroy();
    if (!isLeft(error)) throw error;
  } finally {
    await rows.return?.();
    running--;
  }
}

async function* writeLines(
  header: readonly string[],
  first: IteratorResult<readonly (readonly CsvValue[])[]>,
  rows: AsyncIterator<readonly (readonly CsvValue[])[]>,
): AsyncGenerator<Buffer> {
  yield Buffer.from(makeCsvLine(header));
  for (let batch = first; batch.done !== true; batch = await rows.next()) {
    if (batch.value.length > 0) yield Buffer.from(batch.value.map(makeCsvLine).join(""));
  }
}

function isLeft(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE";
}
