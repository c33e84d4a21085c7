import { randomUUID } from "node:crypto";
import { appendFileSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Names the ledger's file to the processes that run the tests. */
const fileVariable = "TOLLGATE_SKIP_LEDGER";

export interface Skip {
  /** A group of tests that needs something from outside: `redis`, `browser`. */
  lane: string;
  reason: string;
}

/** Begins an empty ledger, of its own also in a thread, for this process and all that it starts. */
export function openSkipLedger(): void {
  process.env[fileVariable] = join(tmpdir(), `tollgate-skips-${randomUUID()}.jsonl`);
  closeSkipLedger();
}

/**
 * Says that a lane cannot run here; the run ends with the list. Every conditional skip calls it.
 *
 * @throws where `REQUIRE_<LANE>=1` is set: there the lane must run.
 */
export function recordSkip(lane: string, reason: string): void {
  const requirement = `REQUIRE_${lane.toUpperCase()}`;
  if (process.env[requirement] === "1") throw new Error(`${requirement}=1 and the ${lane} lane cannot run: ${reason}`);
  const file = process.env[fileVariable];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ lane, reason } satisfies Skip)}\n`);
}

/** Every skip once, sorted by lane. */
export function listSkips(): Skip[] {
  const lines = new Set(readLedger().split("\n").filter(Boolean));
  return [...lines].sort().map((line): Skip => JSON.parse(line));
}

export function closeSkipLedger(): void {
  rmSync(process.env[fileVariable] ?? "", { force: true });
}

function readLedger(): string {
  try {
    return readFileSync(process.env[fileVariable] ?? "", "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
