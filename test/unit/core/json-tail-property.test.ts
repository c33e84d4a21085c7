import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findTopLevelFields } from "../../../server/core/json-spans.ts";
import { findTailObject } from "../../../server/core/json-tail.ts";

const limits = { depthMax: 512, valuesMax: 1_000_000 };
const find = (text: string) => findTailObject(Buffer.from(text), '"usage"');

const texts = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("usage", '"usage"', '"usage":{"a":1}}', "}", '\\"usage', "{", 'a","usage":{"b":2}'),
);
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    texts,
    fc.integer(),
    fc.constantFrom(null, true),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.oneof(fc.constant("usage"), texts), tie("value"), { maxKeys: 3 }),
  ),
})).value;
const fields = fc.uniqueArray(fc.tuple(fc.oneof({ weight: 3, arbitrary: fc.constant("usage") }, texts), values), {
  selector: ([key]) => key,
  maxLength: 5,
});

describe("findTailObject", () => {
  it("finds what the whole text says, or nothing", () => {
    let found = 0;
    fc.assert(
      fc.property(fields, fc.constantFrom(undefined, 1), (entries, indent) => {
        const body = Buffer.from(JSON.stringify(Object.fromEntries(entries), null, indent));
        const tail = findTailObject(body, '"usage"');
        if (tail === null) return;
        found += 1;
        const scan = findTopLevelFields(body, limits);
        const field = scan.ok ? scan.fields.find(({ key }) => key === "usage") : undefined;
        expect(tail).toEqual({ start: field?.valueStart, end: field?.valueEnd });
      }),
      { numRuns: 50_000 },
    );
    expect(found).toBeGreaterThan(500);
  });

  it.each([
    ['{"a":[{"usage":{"x":0}}],"usage":{"b":{"c":"}"}},"n":null,"s":"\\"}"}', '{"b":{"c":"}"}}'],
    ['{"usage" : {}\n}\n', "{}"],
    ['{"text":"\\"usage\\":{}","usage":{"a":1}}', '{"a":1}'],
  ])("in %s", (text, value) => {
    const tail = find(text);
    expect(text.slice(tail?.start, tail?.end)).toBe(value);
  });

  it.each([
    ["nested", '{"a":{"usage":{}}}'],
    ["in a list", '[{"usage":{}}]'],
    ["before a nested value", '{"usage":{},"choices":[]}'],
    ["as a value", '{"usage":{},"a":"usage"}'],
    ["in a name", '{"\\"usage":{}}'],
    ["no object", '{"usage":null}'],
    ["not closed", '{"usage":{"a":1}'],
    ["cut in a string", '{"usage":{"a":"'],
    ["nowhere", "{}"],
  ])("finds nothing %s", (_name, text) => {
    expect(find(text)).toBeNull();
  });
});
