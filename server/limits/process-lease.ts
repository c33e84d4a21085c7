import { deleteBudgetProcess, openBudgetProcess, updateBudgetProcess } from "../../db/queries/budget-process.ts";
import type { LeaseConnection } from "./lease-connection.ts";

const beatMs = 1_000;

/** This process's place among the processes that lease budgets. */
export interface ProcessLease {
  /** Gateway processes that are alive, this one included. Never below 1; as it was last seen while PostgreSQL is away. */
  live(): number;
  /** Ends it. @param isStored all calls are in PostgreSQL: what is still leased is free again. Else recovery does it. */
  close(isStored: boolean): Promise<void>;
}

/**
 * Registers this process and says each second that it lives.
 *
 * @param onClosed somebody has closed it for good: it must not spend any more.
 * @throws when PostgreSQL cannot be reached.
 */
export async function openProcessLease(
  connection: LeaseConnection,
  process: string,
  onClosed: () => void,
): Promise<ProcessLease> {
  let live = 1;
  const beat = async (): Promise<void> => {
    const count = await updateBudgetProcess(connection.sql, process).catch(() => undefined);
    if (count === null) onClosed();
    else if (count !== undefined) live = count;
  };
  await openBudgetProcess(connection.sql, process);
  await beat();
  const timer = setInterval(() => void beat(), beatMs);
  timer.unref();
  return {
    live: () => live,
    async close(isStored) {
      clearInterval(timer);
      if (isStored) await deleteBudgetProcess(connection.sql, process, false).catch(() => undefined);
    },
  };
}
