import { afterEach, beforeEach, expect, test } from "vitest";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import { listLawBreaks } from "../../support/ledger-laws.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";

let stored: TestDatabase;

/** Two events of 30 and 50 in the window `a`, the second in `b` too; a process holds 20 more of `a` and has drawn all. */
beforeEach(async () => {
  stored = await openTestDatabase();
  const { sql } = stored.database;
  // Where the release has no such books yet, what the laws read of them.
  await sql`alter table usage_event add column if not exists budget_windows text`;
  await sql`create table if not exists budget_window (window_id text, level text, subject text, period text, timezone text,
    starts_at timestamptz, limit_nano_usd bigint, terms_version bigint, extra_nano_usd bigint default 0,
    settled_nano_usd bigint, leased_nano_usd bigint)`;
  await sql`create table if not exists budget_lease (process text, window_id text, amount_nano_usd bigint,
    drawn_nano_usd bigint)`;
  await sql`create table if not exists budget_write_off (process text, window_id text, amount_nano_usd bigint)`;
  const events = [30n, 50n].map((costNanoUsd) => makeUsageEvent(Date.UTC(2026, 0, 1), { costNanoUsd }));
  await insertUsageEvents(sql, "p", events);
  await force("update usage_event set budget_windows = case cost_nano_usd when 30 then 'a' else 'a,b' end");
  await sql`insert into budget_window (window_id, level, subject, period, timezone, starts_at, limit_nano_usd,
      terms_version, settled_nano_usd, leased_nano_usd)
    values ('a', 'key', 'k', 'total', 'UTC', now(), 100, 1, 80, 0), ('b', 'owner', 'o', 'total', 'UTC', now(), 100, 1, 50, 0)`;
  await sql`insert into budget_lease (process, window_id, amount_nano_usd, drawn_nano_usd) values ('p', 'a', 80, 80)`;
});
afterEach(() => stored.close());

/** Past the triggers that keep events from being changed. */
async function force(statement: string): Promise<void> {
  await stored.database.sql.begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    await sql.unsafe(statement);
  });
}

test("books that agree pass, and so does a database without any", async () => {
  const { sql } = stored.database;
  expect(await listLawBreaks(sql)).toEqual([]);
  await sql`drop table budget_window`;
  expect(await listLawBreaks(sql)).toEqual([]);
});

test.each([
  [
    "a charge that is settled nowhere",
    "update budget_window set settled_nano_usd = 79 where window_id = 'a'",
    ["79 settled for events of 80 in the budget window a"],
  ],
  [
    "a charge that was settled twice",
    "update budget_window set settled_nano_usd = 100 where window_id = 'b'",
    ["100 settled for events of 50 in the budget window b"],
  ],
  [
    "an event that was lost",
    "delete from usage_event where cost_nano_usd = 50",
    ["80 settled for events of 30 in the budget window a", "50 settled for events of 0 in the budget window b"],
  ],
  [
    "a lease that was never given back",
    "update budget_window set leased_nano_usd = 5 where window_id = 'a'",
    ["5 leased, but the leases hold 0 in the budget window a", "5 still leased in the budget window a"],
  ],
  [
    "a lease that the window does not know",
    "update budget_lease set amount_nano_usd = 90",
    ["0 leased, but the leases hold 10 in the budget window a"],
  ],
  [
    "a budget that was passed",
    "update budget_window set limit_nano_usd = 79 where window_id = 'a'",
    ["80 used of 79 in the budget window a"],
  ],
  [
    "a write-off that was not charged",
    "insert into budget_write_off (process, window_id, amount_nano_usd) values ('q', 'b', 7)",
    ["50 settled for events of 57 in the budget window b"],
  ],
])("they find %s", async (_, statement, found) => {
  await force(statement);
  expect(await listLawBreaks(stored.database.sql)).toEqual(found);
});
