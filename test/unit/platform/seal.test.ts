import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Secret } from "../../../server/core/secret.ts";
import { makeSealed, openSealed, SealError } from "../../../server/platform/seal.ts";

const key = new Secret("k".repeat(48));
const place = { table: "webhook", id: "wh_1", field: "secret" };

describe("a sealed text", () => {
  test("opens at its place with its key, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(openSealed(key, place, makeSealed(key, place, new Secret(text))).reveal()).toBe(text);
      }),
    );
  });

  test("is never the same twice and holds nothing of the text", () => {
    const text = new Secret("sk-upstream-0123456789");
    const [first, second] = [makeSealed(key, place, text), makeSealed(key, place, text)];
    expect(first.equals(second)).toBe(false);
    expect(first.toString("latin1")).not.toContain("upstream");
  });

  test.each([
    ["another row", { ...place, id: "wh_2" }],
    ["another field", { ...place, field: "url" }],
    ["another table", { ...place, table: "credential" }],
    ["fields that run together the same", { table: "webhook", id: 'wh_1","secret', field: "" }],
  ])("does not open for %s", (_name, other) => {
    const sealed = makeSealed(key, place, new Secret("text"));
    expect(() => openSealed(key, other, sealed)).toThrow(SealError);
  });

  test("does not open with another key", () => {
    const sealed = makeSealed(key, place, new Secret("text"));
    expect(() => openSealed(new Secret("j".repeat(48)), place, sealed)).toThrow(SealError);
  });

  test("does not open when any one bit of it is another, or when it is cut", () => {
    const sealed = makeSealed(key, place, new Secret("a text"));
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const forged = Buffer.from(sealed);
      forged[bit >> 3] = (forged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => openSealed(key, place, forged)).toThrow(SealError);
    }
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => openSealed(key, place, sealed.subarray(0, length))).toThrow(SealError);
    }
  });

  test("is not told in what an error says", () => {
    const sealed = makeSealed(key, place, new Secret("a-text-of-ours"));
    expect(() => openSealed(key, { ...place, id: "wh_2" }, sealed)).toThrow(
      /^webhook\.secret of wh_2 cannot be opened/,
    );
  });
});
