import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { type KeyType, keyTypes, type PublicId } from "../../../server/core/api-key.ts";
import {
  defaultKeyPrefixes,
  isPublicId,
  makeKeyText,
  parseKeyText,
  type RandomBytes,
} from "../../../server/core/key-format.ts";

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const base36 = "0123456789abcdefghijklmnopqrstuvwxyz";
const parse = (text: string) => parseKeyText(text, defaultKeyPrefixes);
const make = (type: KeyType = "production") => makeKeyText(type, defaultKeyPrefixes, randomBytes);

describe("makeKeyText", () => {
  test.each(keyTypes)("%s: prefix, 12 and 48 characters, and it is read back", (type) => {
    const { text, publicId } = make(type);
    expect(text).toMatch(new RegExp(`^${defaultKeyPrefixes[type]}[0-9a-z]{12}_[0-9A-Za-z]{48}$`));
    expect(parse(text)).toEqual({ type, publicId });
    expect(isPublicId(publicId)).toBe(true);
  });

  test("the checksum is CRC-32 of all before it, in six base62 digits", () => {
    // Worked out by hand from the polynomial 0xEDB88320, bit by bit.
    const { text } = make();
    let crc = 0xffffffff;
    for (const byte of Buffer.from(text.slice(0, -6))) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    const value = Array.from(text.slice(-6)).reduce((sum, digit) => sum * 62 + base62.indexOf(digit), 0);
    expect(value).toBe((crc ^ 0xffffffff) >>> 0);
  });

  test("a rotation keeps the public id and changes the secret", () => {
    const { text, publicId } = make();
    const again = makeKeyText("production", defaultKeyPrefixes, randomBytes, publicId);
    expect(again.publicId).toBe(publicId);
    expect(again.text.slice(0, -48)).toBe(text.slice(0, -48));
    expect(again.text.slice(-48, -6)).not.toBe(text.slice(-48, -6));
  });
});

test("what is around a key, and a key of another deployment, is refused", () => {
  const key = make().text;
  for (const text of [` ${key}`, `${key} `, `${key}\n`, key + key, `x${key}`, key.toUpperCase(), "", "_", "prod_"]) {
    expect(parse(text)).toBeNull();
  }
  expect(parseKeyText(key, { development: "d_", production: "p_", client: "c_" })).toBeNull();
});

test("no random text of the right shape passes", () => {
  // A million more in key-format-fuzz.
  const count = 5_000;
  let taken = 0;
  for (let index = 0; index < count; index++) {
    const random = randomBytes(60);
    let text = "prod_";
    for (let at = 0; at < 60; at++) {
      if (at === 12) text += "_";
      text += at < 12 ? base36[(random[at] as number) % 36] : base62[(random[at] as number) % 62];
    }
    if (parse(text) !== null) taken++;
  }
  expect(taken).toBe(0);
}, 60_000);

/** Chi-square of `counts` against equal shares. */
function chiSquare(counts: Iterable<number>, categories: number, total: number): number {
  const expected = total / categories;
  let sum = expected * categories;
  for (const count of counts) sum += (count - expected) ** 2 / expected - expected;
  return sum;
}

/** Upper bounds that chance passes once in 10^7 (Wilson-Hilferty, z = 5.2), so that 54 positions do not flake. */
const boundFor: Readonly<Record<number, number>> = { 36: 98, 62: 138 };

function worstExcess(texts: readonly string[], alphabet: string): number {
  let worst = 0;
  for (let at = 0; at < (texts[0] as string).length; at++) {
    const counts = new Map<string, number>();
    for (const text of texts) counts.set(text.charAt(at), (counts.get(text.charAt(at)) ?? 0) + 1);
    for (const character of counts.keys()) if (!alphabet.includes(character)) return Number.POSITIVE_INFINITY;
    worst = Math.max(
      worst,
      chiSquare(counts.values(), alphabet.length, texts.length) / (boundFor[alphabet.length] as number),
    );
  }
  return worst;
}

describe("generated keys", () => {
  // 100,000 and more in key-format-fuzz.
  const count = 5_000;
  const draw = (random: RandomBytes) =>
    Array.from({ length: count }, () => makeKeyText("production", defaultKeyPrefixes, random));

  test("never twice the same, and every position without bias", () => {
    const keys = draw(randomBytes);
    expect(new Set(keys.map((key) => key.publicId)).size).toBe(count);
    expect(new Set(keys.map((key) => key.text)).size).toBe(count);
    expect(
      worstExcess(
        keys.map((key) => key.publicId),
        base36,
      ),
    ).toBeLessThan(1);
    expect(
      worstExcess(
        keys.map((key) => key.text.slice(-48, -6)),
        base62,
      ),
    ).toBeLessThan(1);
  }, 60_000);

  test("the check would see a remainder taken of a byte", () => {
    const biased = Array.from(randomBytes(100_000), (byte) => base62.charAt(byte % 62));
    expect(worstExcess(biased, base62)).toBeGreaterThan(2);
  });

  test("a source that gives only high bytes is asked again, not folded", () => {
    let calls = 0;
    const random: RandomBytes = (size) => (++calls % 2 === 1 ? new Uint8Array(size).fill(255) : randomBytes(size));
    expect(parse(makeKeyText("production", defaultKeyPrefixes, random).text)).not.toBeNull();
    expect(calls).toBeGreaterThanOrEqual(4);
  });
});

test.each(["", "abc", "0123456789a", "0123456789abc", "0123456789a_", "0123456789aé"])("%j is no public id", (text) => {
  expect(isPublicId(text)).toBe(false);
});

test("imported ids may hold capitals", () => {
  const id: string = "0123456789AB";
  expect(isPublicId(id) ? (id satisfies PublicId) : null).toBe(id);
});
