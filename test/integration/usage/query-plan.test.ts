import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertUsageEvents } from "../../../db/queries/insert-usage-events.ts";
import { listTouchedDays, mergeUsageDay } from "../../../db/queries/merge-usage-days.ts";
import { mergeUsageParts } from "../../../db/queries/merge-usage-parts.ts";
import { loadUsage } from "../../../server/admin/usage/load-usage.ts";
import type { PublicId } from "../../../server/core/api-key.ts";
import { queryUsageInput } from "../../../server/core/usage-question.ts";
import { listRelations, openExplainedSql } from "../../support/explained-sql.ts";
import { makeUsageEvent } from "../../support/make-usage-event.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";

const dayMs = 86_400_000;
const today = Math.floor(Date.now() / dayMs) * dayMs;
const day = (back: number) => new Date(today - back * dayMs).toISOString().slice(0, 10);

let test: TestDatabase;
beforeAll(async () => {
  test = await openTestDatabase();
  const { sql } = test.database;
  const events = Array.from({ length: 31 * 40 }, (_, index) =>
    makeUsageEvent(today - (Math.floor(index / 40) + 1) * dayMs + (index % 40) * 2_000_000, {
      publicId: `key${String(index % 8).padStart(9, "0")}` as PublicId,
    }),
  );
  await insertUsageEvents(sql, "test", events);
  await mergeUsageParts(sql, 1_000_000);
  for (const touched of await listTouchedDays(sql)) await mergeUsageDay(sql, touched);
  await insertUsageEvents(sql, "test", [makeUsageEvent(Date.now())]);
});
afterAll(() => test.close());

/** Tables that a question's sums and percentiles are read from. */
async function findRelations(question: Record<string, string>): Promise<string[]> {
  const explained = openExplainedSql(test.database.sql);
  await loadUsage(explained.sql, { nowMs: Date.now(), rawDays: 30 }, queryUsageInput.parse(question));
  // What says how far merges are reads no usage.
  const plans = explained.plans.filter((plan) => !listRelations(plan).includes("usage_day_touched"));
  const read = plans
    .flatMap(listRelations)
    .filter((name) => /^usage_(event|hour|day)(_key)?_\d|^usage_(event|hour|day)(_key)?$/.test(name));
  return [...new Set(read.map((name) => name.replace(/_\d{6}$/, "")))].sort();
}

const closed = { from: day(31), to: day(0) };

describe("what a question reads", () => {
  it("of closed days neither events nor hours: keys from their own days, the rest from days", async () => {
    expect(await findRelations({ ...closed, group_by: "key" })).toEqual(["usage_day_key"]);
    expect(await findRelations({ ...closed, group_by: "key", grain: "day", compare: "previous" })).toEqual([
      "usage_day_key",
    ]);
    expect(await findRelations({ ...closed, group_by: "model,status" })).toEqual(["usage_day"]);
    expect(await findRelations({ ...closed, group_by: "key", model: "gpt-test" })).toEqual(["usage_day"]);
  });

  it("of a month until now, events of what is not merged alone, in the partition of today", async () => {
    const event = `usage_event_${day(0).replaceAll("-", "")}`;
    const read = await findRelations({ from: day(30), group_by: "key" });
    expect(read).toContain(event);
    expect(read.filter((name) => name.startsWith("usage_event"))).toEqual([event]);
  });

  it("of days of another timezone hours, and events only where its day begins within an hour", async () => {
    const question = { from: `${day(5)}T22:00:00Z`, to: `${day(1)}T22:00:00Z`, grain: "day" };
    expect(await findRelations({ ...question, timezone: "Etc/GMT-2" })).toEqual(["usage_hour"]);
    const torn = await findRelations({ ...question, timezone: "Asia/Kolkata" });
    expect(torn.filter((name) => name.startsWith("usage_event"))).toHaveLength(4);
  });
});
