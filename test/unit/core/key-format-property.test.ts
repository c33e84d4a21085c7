import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { keyTypes } from "../../../server/core/api-key.ts";
import { defaultKeyPrefixes, makeKeyText, parseKeyText } from "../../../server/core/key-format.ts";

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const parse = (text: string) => parseKeyText(text, defaultKeyPrefixes);

describe("every edit of a real key is refused", () => {
  const keys = Array.from({ length: 1_000 }, (_, index) => {
    const type = keyTypes[index % keyTypes.length] as (typeof keyTypes)[number];
    return makeKeyText(type, defaultKeyPrefixes, randomBytes).text;
  });

  test("every substitution of one character", () => {
    let edits = 0;
    let taken = 0;
    for (const key of keys) {
      for (let at = 0; at < key.length; at++) {
        const [before, after, own] = [key.slice(0, at), key.slice(at + 1), key[at]];
        for (const character of base62) {
          if (character === own) continue;
          edits++;
          if (parse(before + character + after) !== null) taken++;
        }
      }
    }
    expect(taken).toBe(0);
    expect(edits).toBeGreaterThan(keys.length * 65 * 61);
  }, 120_000);

  test("every swap of two neighbours, every character left out or doubled, and strange characters", () => {
    let edits = 0;
    const taken: string[] = [];
    const check = (text: string): void => {
      edits++;
      if (parse(text) !== null) taken.push(text);
    };
    for (const key of keys) {
      for (let at = 0; at < key.length; at++) {
        const [before, own, next] = [key.slice(0, at), key.charAt(at), key.charAt(at + 1)];
        if (next !== "" && next !== own) check(before + next + own + key.slice(at + 2));
        check(before + key.slice(at + 1));
        check(before + own + key.slice(at));
        for (const strange of ["_", "-", " ", "\u0000", "é", "０"]) {
          if (strange !== own) check(before + strange + key.slice(at + 1));
        }
      }
    }
    expect(taken).toEqual([]);
    expect(edits).toBeGreaterThan(keys.length * 65 * 8);
  }, 120_000);
});
