import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import {
  findStringEnd,
  findTopLevelFields,
  type JsonField,
  replaceTopLevelFields,
} from "../../../server/core/json-spans.ts";

const limits = { depthMax: 64, valuesMax: 100_000 };
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
let agreements = 0;

function scan(text: string | Buffer): ReturnType<typeof findTopLevelFields> {
  return findTopLevelFields(Buffer.from(text), limits);
}

function fieldsOf(body: Buffer): JsonField[] {
  const found = findTopLevelFields(body, limits);
  if (!found.ok) throw new Error(`${found.reason} at ${found.at}: ${body.toString()}`);
  return found.fields;
}

function readFields(body: Buffer): [string, unknown][] {
  return fieldsOf(body).map(({ key, pairStart, valueStart, valueEnd }) => {
    expect(body[pairStart]).toBe(0x22);
    return [key, JSON.parse(body.toString("utf8", valueStart, valueEnd))];
  });
}

/** An object as text: any white space, keys and strings escaped in any way. */
interface Written {
  text: string;
  value: { [key: string]: unknown };
}

const space = fc.string({ unit: fc.constantFrom(" ", "\n", "\t", "\r"), maxLength: 2 });
const keys = fc.oneof(
  fc.constantFrom("model", "messages", "usage", "a", "", "__proto__", '"', "\\", "ключ"),
  fc.string({ unit: "grapheme" }),
);

/** JSON text of a string, with the characters that `escaped` picks written as escapes. */
function writeString(text: string, escaped: readonly boolean[]): string {
  const inner = JSON.stringify(text).slice(1, -1);
  if (inner.includes("\\") || escaped.length === 0) return `"${inner}"`;
  const characters = Array.from(inner, (character, at) => {
    if (!escaped[at % escaped.length]) return character;
    return character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join("");
  });
  return `"${characters.join("")}"`;
}

/** Each field once, with the value that JSON.parse found. */
function expectFields(body: Buffer, parsed: unknown): void {
  const fields = readFields(body);
  expect(fields.length).toBe(Object.keys(parsed as object).length);
  expect(new Map(fields)).toEqual(new Map(Object.entries(parsed as object)));
}

const writtenObject: fc.Arbitrary<Written> = fc
  .uniqueArray(
    fc.record({
      key: keys,
      value: fc.jsonValue({ maxDepth: 4, stringUnit: "grapheme" }),
      indent: fc.integer({ min: 0, max: 2 }),
      escaped: fc.array(fc.boolean(), { maxLength: 3 }),
      spaces: fc.tuple(space, space, space, space),
    }),
    { selector: (field) => field.key, maxLength: 30 },
  )
  .chain((fields) => fc.tuple(fc.constant(fields), space, space))
  .map(([fields, before, after]) => {
    const pairs = fields.map(({ key, value, indent, escaped, spaces }) => {
      const [a, b, c, d] = spaces;
      const text = typeof value === "string" ? writeString(value, escaped) : JSON.stringify(value, null, indent);
      return `${a}${writeString(key, escaped)}${b}:${c}${text}${d}`;
    });
    const value = Object.fromEntries(
      fields.map((field) => [field.key, JSON.parse(JSON.stringify(field.value)) as unknown]),
    );
    return { text: `${before}{${before}${pairs.join(",")}}${after}`, value };
  });

describe("findTopLevelFields", () => {
  afterAll(() => console.info(`json spans: ${agreements} mutated bodies on which both agree, seed ${seed}`));

  it("finds each field where JSON.parse finds it", { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(writtenObject, ({ text, value }) => {
        expect(JSON.parse(text)).toEqual(value);
        expectFields(Buffer.from(text), value);
      }),
      { seed, numRuns: 1_500 },
    );
  });

  it("agrees with JSON.parse on mutated bytes wherever both accept", { timeout: 30_000 }, () => {
    const bytes = fc.constantFrom(...Buffer.from('"\\{}[]:, \n0-1eEtfn/u'), 0xff, 0xe4, 0x00, 0x80);
    const mutation = fc.record({ at: fc.nat(), byte: bytes, kind: fc.constantFrom("replace", "insert", "remove") });
    fc.assert(
      fc.property(writtenObject, fc.array(mutation, { minLength: 1, maxLength: 3 }), ({ text }, mutations) => {
        const mutated = [...Buffer.from(text)];
        for (const { at, byte, kind } of mutations) {
          mutated.splice(at % (mutated.length + 1), kind === "insert" ? 0 : 1, ...(kind === "remove" ? [] : [byte]));
        }
        const body = Buffer.from(mutated);
        const found = findTopLevelFields(body, limits);
        let parsed: unknown;
        try {
          parsed = JSON.parse(body.toString("utf8"));
        } catch {
          return;
        }
        // What JSON.parse takes is refused for these reasons only.
        expect(found.ok ? "ok" : found.reason).toMatch(/^(ok|not_object|duplicate_key)$/);
        if (!found.ok) return;
        agreements++;
        expectFields(body, parsed);
      }),
      { seed, numRuns: 8_000 },
    );
    expect(agreements).toBeGreaterThan(500);
  });

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

describe("bodies made to be slow are done with in 100 ms (BARS C9)", () => {
  const tenMb = 10_000_000;
  const wrap = (before: string, filling: string, after: string): Buffer =>
    Buffer.concat([Buffer.from(before), Buffer.alloc(tenMb - (tenMb % filling.length), filling), Buffer.from(after)]);
  const manyKeys = (): Buffer =>
    Buffer.from(`{${Array.from({ length: 1_000_000 }, (_, at) => `"k${at}":1`).join(",")}}`);

  it.each([
    ["arrays", () => wrap("", "[", ""), "not_object"],
    ["arrays in a field", () => wrap('{"a":', "[", ""), "too_deep"],
    ["objects", () => wrap("", '{"a":', ""), "too_deep"],
    ["one key again and again", () => wrap('{"a":1,', '"a":1,', ""), "duplicate_key"],
    ["a million keys", manyKeys, "too_many_values"],
    ["empty arrays", () => wrap('{"a":[', "[],", ""), "too_many_values"],
    ["commas", () => wrap('{"a":[', ",", ""), "too_many_values"],
    ["colons", () => wrap('{"a":[', ":", ""), "syntax"],
    ["escaped quotes", () => wrap('{"a":"', '\\"', '"}'), "ok"],
    ["backslashes", () => wrap('{"a":"', "\\\\", '"}'), "ok"],
    ["backslashes, the string not closed", () => wrap('{"a":"\\', "\\\\", '"'), "syntax"],
    ["white space", () => wrap("", " ", "{}"), "ok"],
    ["a number", () => wrap('{"a":', "1", "}"), "ok"],
    ["a key of escapes", () => wrap('{"', "\\n", '":1}'), "ok"],
    ["an image", () => wrap('{"a":[{"url":"', "A", '"}],"model":"x"}'), "ok"],
  ])("%s: %s", (_, makeBody, outcome) => {
    const body = makeBody();
    let bestMs = Number.POSITIVE_INFINITY;
    // The best of three in CPU time: what the scan costs, not what else the machine does.
    for (let round = 0; round < 3 && bestMs >= 100; round++) {
      const start = process.cpuUsage();
      const found = findTopLevelFields(body, limits);
      const { user, system } = process.cpuUsage(start);
      bestMs = Math.min(bestMs, (user + system) / 1_000);
      expect(found.ok ? "ok" : found.reason).toBe(outcome);
    }
    expect(bestMs).toBeLessThan(100);
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
  it("parses to the object with the changes, and keeps the other fields' bytes", { timeout: 30_000 }, () => {
    const changes = fc.dictionary(keys, fc.option(fc.jsonValue({ maxDepth: 2 }), { freq: 2 }), { maxKeys: 4 });
    fc.assert(
      fc.property(writtenObject, changes, fc.array(fc.nat(), { maxLength: 6 }), ({ text, value }, added, removed) => {
        const body = Buffer.from(text);
        const names = Object.keys(value);
        const wanted = new Map(Object.entries(added));
        for (const index of removed) if (names.length > 0) wanted.set(names[index % names.length] as string, null);
        const changesText = Object.fromEntries(
          [...wanted].map(([key, to]) => [key, to === null ? null : JSON.stringify(to)]),
        );
        const expected = new Map(Object.entries(value));
        for (const [key, to] of wanted) {
          if (to === null) expected.delete(key);
          else expected.set(key, JSON.parse(JSON.stringify(to)));
        }
        const replaced = replaceTopLevelFields(body, fieldsOf(body), changesText);
        expectFields(replaced, JSON.parse(replaced.toString()));
        expectFields(replaced, Object.fromEntries(expected));
        const unchanged = [...wanted].every(([key, to]) => to === null && !names.includes(key));
        expect(replaced === body).toBe(unchanged);
      }),
      { seed, numRuns: 1_500 },
    );
  });

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
