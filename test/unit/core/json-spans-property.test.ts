import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { findTopLevelFields, type JsonField, replaceTopLevelFields } from "../../../server/core/json-spans.ts";
import { readJson } from "../../support/read-json.ts";

const limits = { depthMax: 64, valuesMax: 100_000 };
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
let agreements = 0;

function fieldsOf(body: Buffer): JsonField[] {
  const found = findTopLevelFields(body, limits);
  if (!found.ok) throw new Error(`${found.reason} at ${found.at}: ${body.toString()}`);
  return found.fields;
}

function readFields(body: Buffer): [string, unknown][] {
  return fieldsOf(body).map(({ key, pairStart, valueStart, valueEnd }) => {
    expect(body[pairStart]).toBe(0x22);
    return [key, readJson(body.toString("utf8", valueStart, valueEnd))];
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
    const value = Object.fromEntries(fields.map((field) => [field.key, readJson(JSON.stringify(field.value))]));
    return { text: `${before}{${before}${pairs.join(",")}}${after}`, value };
  });

describe("findTopLevelFields", () => {
  afterAll(() => console.info(`json spans: ${agreements} mutated bodies on which both agree, seed ${seed}`));

  it("finds each field where JSON.parse finds it", { timeout: 30_000 }, () => {
    fc.assert(
      fc.property(writtenObject, ({ text, value }) => {
        expect(readJson(text)).toEqual(value);
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
          parsed = readJson(body.toString("utf8"));
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
          else expected.set(key, readJson(JSON.stringify(to)));
        }
        const replaced = replaceTopLevelFields(body, fieldsOf(body), changesText);
        expectFields(replaced, readJson(replaced.toString()));
        expectFields(replaced, Object.fromEntries(expected));
        const unchanged = [...wanted].every(([key, to]) => to === null && !names.includes(key));
        expect(replaced === body).toBe(unchanged);
      }),
      { seed, numRuns: 1_500 },
    );
  });
});
