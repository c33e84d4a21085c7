import type { Database } from "../../../db/client.ts";
import { findBudgetAmounts } from "../../../db/queries/find-budget-amounts.ts";
import { findKeySpend } from "../../../db/queries/find-key-spend.ts";
import { makeRefusal, type Refusal } from "../../core/error.ts";
import type { OwnUsageInput } from "../../core/own-usage-schema.ts";
import type { Clock } from "../../platform/clock.ts";
import { parseRefusal } from "../refusal.ts";
import { loadUsage } from "./load-usage.ts";

/** Questions that run at once, and that wait. The pool has ten connections, and authentication needs some of them. */
const runningMax = 2;
const waitingMax = 64;

/**
 * Answers a key's questions about itself from the ledger.
 *
 * @param rawDays as retention keeps raw events.
 */
export function makeOwnRecords(database: Database, clock: Clock, rawDays: number) {
  let running = 0;
  const waiting: (() => void)[] = [];

  async function ask<T>(question: () => Promise<T>): Promise<T | Refusal> {
    if (running < runningMax) running++;
    else if (waiting.length >= waitingMax) return makeRefusal("overloaded", undefined, { retryAfterSeconds: 1 });
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await question();
    } catch (error) {
      return parseRefusal(error);
    } finally {
      // Whoever comes next takes the place of this one.
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  }
  return {
    loadSpend: (publicId: string, windowIds: readonly string[]) =>
      ask(async () => ({
        ...(await findKeySpend(database.sql, publicId)),
        windows: await findBudgetAmounts(database.sql, windowIds),
      })),
    loadUsage: (publicId: string, input: OwnUsageInput) =>
      ask(() => loadUsage(database.sql, { nowMs: clock.nowMs(), rawDays }, { ...input, public_id: publicId })),
  };
}
