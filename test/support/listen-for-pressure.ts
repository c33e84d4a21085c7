import type { Database } from "../../db/client.ts";

/** Hears what the gateway's channel of keys hears of budgets. */
export async function listenForBudgetPressure(
  database: Database,
  process: string,
  notice: (windowId: string) => void,
): Promise<{ close(): Promise<void> }> {
  const sql = database.openConnection("pressure");
  await sql.listen("budget_pressure", (payload) => {
    const [refused, windowId] = payload.split(" ");
    if (refused !== process && windowId !== undefined) notice(windowId);
  });
  return { close: () => sql.end({ timeout: 1 }) };
}
