import { randomBytes } from "node:crypto";
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { keyTypes } from "../../../server/core/api-key.ts";
import { defaultKeyPrefixes, makeKeyText, parseKeyText } from "../../../server/core/key-format.ts";

/** BARS.md A2 (random texts) and A4, in the sizes that are too long for the unit lane. */
const isFull = process.env.TEST_TIER === "full";
const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const base36 = base62.slice(0, 10) + base62.slice(36);
const parse = (text: string) => parseKeyText(text, defaultKeyPrefixes);

test("of a million random texts of the right shape none passes", () => {
  const pool = randomBytes(1 << 20);
  let at = 0;
  const draw = (alphabet: string, length: number): string => {
    let text = "";
    while (text.length < length) {
      if (at >= pool.length) {
        randomBytes(pool.length).copy(pool);
        at = 0;
      }
      text += alphabet[(pool[at++] as number) % alphabet.length];
    }
    return text;
  };
  let taken = 0;
  let judged = 0;
  for (; judged < 1_000_000; judged++) {
    const prefix = defaultKeyPrefixes[keyTypes[judged % keyTypes.length] as (typeof keyTypes)[number]];
    if (parse(`${prefix}${draw(base36, 12)}_${draw(base62, 48)}`) !== null) taken++;
  }
  // Expected by chance: 2e-5.
  expect({ judged, taken }).toEqual({ judged: 1_000_000, taken: 0 });
}, 120_000);

describe("generated keys", () => {
  const count = isFull ? 1_000_000 : 100_000;

  /** Worst chi-square over positions, as a share of the bound that chance passes once in 10^7. */
  function findWorst(texts: readonly string[], alphabet: string): number {
    const degrees = alphabet.length - 1;
    const bound = degrees * (1 - 2 / (9 * degrees) + 5.2 * Math.sqrt(2 / (9 * degrees))) ** 3;
    const expected = texts.length / alphabet.length;
    let worst = 0;
    for (let at = 0; at < (texts[0] ?? "").length; at++) {
      const counts = new Uint32Array(128);
      for (const text of texts) counts[text.charCodeAt(at)] = (counts[text.charCodeAt(at)] as number) + 1;
      let chi = 0;
      for (const character of alphabet) chi += ((counts[character.charCodeAt(0)] as number) - expected) ** 2 / expected;
      worst = Math.max(worst, chi / bound);
    }
    return worst;
  }

  test(`${count}: none twice, all of the shape, every position without bias`, () => {
    const shape = /^prod_[0-9a-z]{12}_[0-9A-Za-z]{48}$/;
    const ids = new Set<string>();
    const secrets: string[] = [];
    let shaped = 0;
    for (let index = 0; index < count; index++) {
      const { text, publicId } = makeKeyText("production", defaultKeyPrefixes, randomBytes);
      if (shape.test(text)) shaped++;
      ids.add(publicId);
      secrets.push(text.slice(-48, -6));
    }
    expect({ ids: ids.size, secrets: new Set(secrets).size, shaped }).toEqual({
      ids: count,
      secrets: count,
      shaped: count,
    });
    expect(findWorst([...ids], base36)).toBeLessThan(1);
    expect(findWorst(secrets, base62)).toBeLessThan(1);
  }, 180_000);

  test("the check sees a byte folded onto the alphabet, and a counter", () => {
    const folded = Array.from({ length: 20_000 }, () => base62.charAt((randomBytes(1)[0] as number) % 62));
    expect(findWorst(folded, base62)).toBeGreaterThan(1);
    const counted = Array.from({ length: 20_000 }, (_, index) => base62.charAt(index % 31));
    expect(findWorst(counted, base62)).toBeGreaterThan(1);
  });
});

describe("texts of others", () => {
  const shape = /(?:dev|prod|client)_[0-9a-z]{12}_[0-9A-Za-z]{48}/g;
  const findKeys = (text: string): string[] => (text.match(shape) ?? []).filter((found) => parse(found) !== null);

  /** Files below the folder, in a fixed order, until so many bytes have been read. */
  function* listTexts(folder: string, bytesMax: number): Generator<string> {
    let left = bytesMax;
    const folders = [folder];
    for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
      const entries: Dirent[] = readdirSync(next, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
      for (const entry of entries) {
        const path = join(next, entry.name);
        if (entry.isDirectory()) folders.push(path);
        else if (entry.isFile() && statSync(path).size < 8 << 20) {
          const text = readFileSync(path, "latin1");
          yield text;
          left -= text.length;
          if (left <= 0) return;
        }
      }
    }
  }

  test("hold no key, by shape and checksum", () => {
    const folder = fileURLToPath(new URL("../../../node_modules", import.meta.url));
    let bytes = 0;
    const found: string[] = [];
    for (const text of listTexts(folder, isFull ? 1 << 30 : 64 << 20)) {
      bytes += text.length;
      found.push(...findKeys(text));
    }
    expect(bytes).toBeGreaterThan(32 << 20);
    expect(found).toEqual([]);
  }, 120_000);

  test("the search finds a key between other words, and leaves a wrong checksum", () => {
    const { text } = makeKeyText("client", defaultKeyPrefixes, randomBytes);
    const wrong = text.slice(0, -1) + (text.endsWith("0") ? "1" : "0");
    expect(findKeys(`export TOKEN="${text}"; # ${wrong}`)).toEqual([text]);
  });
});
