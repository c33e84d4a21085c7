import type postgres from "postgres";
import type { Database } from "../../db/client.ts";
import { type LeaseAnswer, type LeaseAsk, leaseBudgets, openBudgetWindows } from "../../db/queries/lease-budgets.ts";
import { passFailpoint } from "../platform/failpoint.ts";
import type { BudgetLease } from "./budget-lease.ts";

/** A statement takes about a millisecond; one that takes this long is not waited for. */
const timeoutMs = 1_000;

/**
 * A connection of its own for leases, so that a pool that is busy never stops admissions. One ask at a time. After one that
 * hung, a new connection is made; should the old ask arrive all the same, its number refuses it.
 */
export class LeaseConnection {
  readonly #database: Database;
  readonly #process: string;
  #sql: postgres.Sql;
  #seq = 0;

  constructor(database: Database, process: string) {
    this.#database = database;
    this.#process = process;
    this.#sql = database.openConnection("leases");
  }

  /** The connection, for the few other statements of a process about itself. */
  get sql(): postgres.Sql {
    return this.#sql;
  }

  /** @throws what PostgreSQL or the driver answers, or that it took too long. */
  async lease(opened: readonly BudgetLease[], ask: Omit<LeaseAsk, "process" | "seq">): Promise<LeaseAnswer> {
    const sql = this.#sql;
    const windows = opened.map(({ window: { id, terms, startMs, endMs } }) => ({ ...terms, id, startMs, endMs }));
    const work = (async () => {
      if (windows.length > 0) await openBudgetWindows(sql, windows);
      return leaseBudgets(sql, { process: this.#process, seq: ++this.#seq, ...ask });
    })();
    work.catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`PostgreSQL did not answer within ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      const answer = await Promise.race([work, late]);
      passFailpoint("lease-granted");
      return answer;
    } catch (error) {
      if (!(error instanceof Error && "code" in error)) this.#reopen();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async end(): Promise<void> {
    await this.#sql.end({ timeout: 1 });
  }

  #reopen(): void {
    void this.#sql.end({ timeout: 0 }).catch(() => undefined);
    this.#sql = this.#database.openConnection("leases");
  }
}
