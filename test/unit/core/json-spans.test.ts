import { describe, expect, it } from "vitest";
import {
  findStringEnd,
  findTopLevelFields,
  type JsonField,
  replaceTopLevelFields,
} from "../../../server/core/json-spans.ts";

const limits = { depthMax: 64, valuesMax: 100_000 };

function scan(text: string | Buffer): ReturnType<typeof findTopLevelFields> {
  return findTopLevelFields(Buffer.from(text), limits);
}

function fieldsOf(body: Buffer): JsonField[] {
  const found = findTopLevelFields(body, limits);
  if (!found.ok) throw new Error(`${found.reason} at ${found.at}: ${body.toString()}`);
  return found.fields;
}

describe("findTopLevelFields", () => {
  it("finds fields by their offsets", () => {
    const found = scan(' { "a" : [1, "]"] ,"b":"x\\"y"}\n');
    expect(found).toEqual({
      ok: true,
      fields: [
        { key: "a", pairStart: 3, valueStart: 9, valueEnd: 17 },
        { key: "b", pairStart: 19, valueStart: 23, valueEnd: 29 },
      ],
    });
    expect(scan("{ }")).toEqual({ ok: true, fields: [] });
  });

  it("takes any Uint8Array, at its own offset", () => {
    const bytes = new Uint8Array(Buffer.from('xx{"a":1}')).subarray(2);
    expect(findTopLevelFields(bytes, limits)).toMatchObject({ ok: true, fields: [{ key: "a", valueStart: 5 }] });
  });

  it.each([
    ["", "not_object"],
    ["[1]", "not_object"],
    ['"a"', "not_object"],
    ["null", "not_object"],
    ['\uFEFF{"a":1}', "not_object"],
    ['\u00a0{"a":1}', "not_object"],
    ["{", "syntax"],
    ['{"a"', "syntax"],
    ['{"a":', "syntax"],
    ['{"a":}', "syntax"],
    ['{"a":1', "syntax"],
    ['{"a":1,}', "syntax"],
    ['{,"a":1}', "syntax"],
    ['{"a":1 "b":2}', "syntax"],
    ['{"a":1}}', "syntax"],
    ['{"a":1}{"b":2}', "syntax"],
    ['{"a":1}\0', "syntax"],
    ['{"a":[}', "syntax"],
    ['{"a":[1}]}', "syntax"],
    ['{"a":{"b":1]}', "syntax"],
    ['{"a":"b\\"}', "syntax"],
    ['{"a\\":1}', "syntax"],
    ['{"\\x":1}', "syntax"],
    ['{"\n":1}', "syntax"],
    ["{a:1}", "syntax"],
    ["{'a':1}", "syntax"],
    ['{"a":1/**/}', "syntax"],
    ['{"a":1,"b":2,"a":3}', "duplicate_key"],
    ['{"model":1,"mod\\u0065l":2}', "duplicate_key"],
    ['{"__proto__":1,"__proto__":2}', "duplicate_key"],
  ])("refuses %j: %s", (text, reason) => {
    expect(scan(text)).toMatchObject({ ok: false, reason });
  });

  it("names the duplicate, also among many keys", () => {
    const pairs = Array.from({ length: 100 }, (_, index) => `"k${index}":${index}`).join(",");
    expect(scan(`{${pairs}}`)).toMatchObject({ ok: true });
    expect(scan(`{${pairs},"k\\u0037":1}`)).toMatchObject({ reason: "duplicate_key", key: "k7" });
    expect(
      scan(Buffer.from([...Buffer.from('{"'), 0xff, ...Buffer.from('":1,"'), 0xfe, ...Buffer.from('":1}')])),
    ).toMatchObject({
      reason: "duplicate_key",
      key: "\uFFFD",
    });
  });

  it("takes 10,000 fields and no more", () => {
    const body = (count: number): Buffer =>
      Buffer.from(`{${Array.from({ length: count }, (_, at) => `"k${at}":1`).join(",")}}`);
    expect(scan(body(10_000))).toMatchObject({ ok: true });
    expect(scan(body(10_001))).toMatchObject({ reason: "too_many_values" });
  });

  it("holds the limits exactly", () => {
    const nested = (depth: number): Buffer => Buffer.from(`{"a":${"[".repeat(depth - 1)}${"]".repeat(depth - 1)}}`);
    expect(findTopLevelFields(nested(5), { depthMax: 5, valuesMax: 100 }).ok).toBe(true);
    expect(findTopLevelFields(nested(6), { depthMax: 5, valuesMax: 100 })).toMatchObject({ reason: "too_deep", at: 9 });
    const values = Buffer.from('{"a":[1,",",[]],"b":2}');
    expect(findTopLevelFields(values, { depthMax: 5, valuesMax: 6 }).ok).toBe(true);
    expect(findTopLevelFields(values, { depthMax: 5, valuesMax: 5 })).toMatchObject({ reason: "too_many_values" });
    expect(findTopLevelFields(Buffer.from("{}"), { depthMax: 0, valuesMax: 5 })).toMatchObject({ reason: "too_deep" });
    expect(findTopLevelFields(Buffer.from("{}"), { depthMax: 1, valuesMax: 0 })).toMatchObject({
      reason: "too_many_values",
    });
  });
});

describe("findStringEnd", () => {
  it("finds the closing quote behind any number of backslashes, near and far", () => {
    for (const padding of [0, 1, 14, 15, 16, 17, 31, 100]) {
      for (let backslashes = 0; backslashes < 40; backslashes++) {
        const text = `"${"x".repeat(padding)}${"\\".repeat(backslashes)}"`;
        const closed = backslashes % 2 === 0;
        expect(findStringEnd(Buffer.from(`${text} "`), 0)).toBe(closed ? text.length : text.length + 2);
        expect(findStringEnd(Buffer.from(text), 0)).toBe(closed ? text.length : -1);
      }
    }
  });
});

describe("replaceTopLevelFields", () => {
  it.each([
    ["replaces one", ' {"a" : 1 , "b":[ 2 ]} ', { a: '"x"' }, ' {"a" : "x" , "b":[ 2 ]} '],
    ["adds behind the last", '{ "a": 1 }', { b: "2", c: "3" }, '{ "a": 1,"b":2,"c":3 }'],
    ["adds to an empty object", " { } ", { b: "2" }, ' {"b":2 } '],
    ["removes the first", '{ "a":1, "b":2 }', { a: null }, '{ "b":2 }'],
    ["removes one between", '{ "a":1, "b":2 , "c":3 }', { b: null }, '{ "a":1 , "c":3 }'],
    ["removes the last", '{ "a":1 , "b":2 }', { b: null }, '{ "a":1 }'],
    ["removes all", '{ "a":1 , "b":2 }', { a: null, b: null }, "{  }"],
    ["removes all, adds one", '{ "a":1 , "b":2 }', { a: null, b: null, c: "3" }, '{ "c":3 }'],
    ["removes the last, adds one", '{ "a":1 , "b":2 }', { b: null, c: "3" }, '{ "a":1,"c":3 }'],
    ["finds escaped keys", '{"mod\\u0065l":1}', { model: '"ü"' }, '{"mod\\u0065l":"ü"}'],
    ["quotes new keys", "{}", { 'a"b': "1" }, '{"a\\"b":1}'],
  ])("%s", (_, text, changes: { [key: string]: string | null }, expected) => {
    const body = Buffer.from(text);
    expect(replaceTopLevelFields(body, fieldsOf(body), changes).toString()).toBe(expected);
    expect(body.toString()).toBe(text);
  });
});
