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
