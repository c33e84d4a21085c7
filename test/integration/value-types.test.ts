import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";

let test: TestDatabase;
beforeAll(async () => {
  test = await openTestDatabase();
});
afterAll(() => test.close());

describe("arrays", () => {
  it("of texts come back as they were sent", async () => {
    const text = fc.string({ unit: fc.constantFrom("a", '"', "\\", ",", "{", "}", " ", "\n", "é", "NULL", "😀") });
    await fc.assert(
      fc.asyncProperty(fc.array(text), async (values) => {
        const [row] = await test.database.sql<{ back: string[]; length: number }[]>`
          select ${values}::text[] as back, cardinality(${values}::text[]) as length`;
        expect(row).toEqual({ back: values, length: values.length });
      }),
      { numRuns: 200 },
    );
  });

  it("of whole numbers are sent whole", async () => {
    const [row] = await test.database.sql`
      select (select sum(x) from unnest(${[1, 2, 9007199254740991]}::bigint[]) x)::text as large, ${[1, 2]}::int[] = array[1, 2] as same`;
    expect(row).toEqual({ large: "9007199254740994", same: true });
  });
});

const instant = "2026-11-28 01:02:03.123456+00";
const sent = { text: "a", amounts: [1, "2"], nested: { none: null } };

describe.each([
  ["the pool", () => test.database.sql],
  ["a connection of its own", () => test.database.openConnection("test")],
])("over %s", (_name, open) => {
  it("instants, days, times and amounts come back as PostgreSQL's text, in lists too", async () => {
    const sql = open();
    const [row] = await sql`
      select ${instant}::timestamptz as instant, ${"2026-11-28"}::date as day, ${"01:02:03.5"}::time as time,
        ${"2026-11-28 01:02:03.123456"}::timestamp as local, array[${instant}::timestamptz] as instants,
        array[1.5, 12345678901234567890]::numeric[] as amounts from (select set_config('TimeZone', 'UTC', false)) zone`;
    expect(row).toEqual({
      instant,
      day: "2026-11-28",
      time: "01:02:03.5",
      local: "2026-11-28 01:02:03.123456",
      instants: `{"${instant}"}`,
      amounts: "{1.5,12345678901234567890}",
    });
    if (sql !== test.database.sql) await sql.end();
  });

  it("JSON is sent as the text that it is, and comes back parsed", async () => {
    const sql = open();
    const text = JSON.stringify(sent);
    const [row] =
      await sql`select ${text}::jsonb as stored, ${text}::json as kept, jsonb_typeof(${text}::jsonb) as type`;
    expect(row).toEqual({ stored: sent, kept: sent, type: "object" });
    if (sql !== test.database.sql) await sql.end();
  });
});
