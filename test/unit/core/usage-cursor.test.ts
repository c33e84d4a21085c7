import { describe, expect, it } from "vitest";
import { makeUsageCursor, parseUsageCursor } from "../../../server/core/usage-cursor.ts";
import { queryUsageInput } from "../../../server/core/usage-question.ts";

const question = queryUsageInput.parse({ group_by: "key,tag:a", model: "m" });
const place = { fromMs: 1, toMs: 2, sort: ["0", "-12345678901234567890.5", "3"], values: ["x", null] };

describe("a cursor of usage", () => {
  it("comes back as it was, for the same question with any limit", () => {
    const text = makeUsageCursor(question, place);
    expect(
      parseUsageCursor(queryUsageInput.parse({ model: "m", group_by: "key,tag:a", limit: 5, cursor: text }), text),
    ).toEqual(place);
  });

  it.each([{ model: "other" }, { group_by: "key" }, { from: "2026-01-01" }, { top: "3" }, { order: "asc" }])(
    "is none for another question: %j",
    (change) => {
      const other = queryUsageInput.parse({ group_by: "key,tag:a", model: "m", ...change });
      expect(parseUsageCursor(other, makeUsageCursor(question, place))).toBeNull();
    },
  );

  it.each(["", "!", Buffer.from("[]").toString("base64url"), Buffer.from('["a",1,2,["x"],[]]').toString("base64url")])(
    "is none: %j",
    (text) => {
      expect(parseUsageCursor(question, text)).toBeNull();
    },
  );
});
