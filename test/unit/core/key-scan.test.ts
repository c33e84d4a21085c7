import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { defaultKeyPrefixes, makeKeyText } from "../../../server/core/key-format.ts";
import { keyTextLengthMax, listKeysInText } from "../../../server/core/key-scan.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";

const make = (prefix = "prod_") =>
  makeKeyText("production", { ...defaultKeyPrefixes, production: prefix }, randomBytes);

describe("listKeysInText", () => {
  test.each(["prod_", "dev_", "acme-live_", "a_b_c_", `${"x".repeat(31)}_`])(
    "finds a key with the prefix %s",
    (prefix) => {
      const { text, publicId } = make(prefix);
      for (const [before, after] of [
        ["", ""],
        ["KEY=", "\n"],
        ['{"key":"', '"}'],
        ["https://host/?key=", "&x=1"],
        ["Zürich ", " ünd"],
      ] as const) {
        expect(listKeysInText(before + text + after)).toEqual([
          { start: before.length, end: before.length + text.length, prefix, publicId },
        ]);
      }
    },
  );

  test("finds a key behind letters that could be part of its prefix, and several in a line", () => {
    const [one, other] = [make(), make("dev_")];
    expect(listKeysInText(`x_y_${one.text},${other.text}`)).toMatchObject([
      { prefix: "prod_", publicId: one.publicId },
      { prefix: "dev_", publicId: other.publicId },
    ]);
    expect(one.text.length).toBeLessThan(keyTextLengthMax);
  });

  test("leaves out what only looks like one", () => {
    const { text } = make();
    for (const other of [
      text.slice(0, -1),
      `${text}x`,
      text.replace(/.$/, (last) => (last === "a" ? "b" : "a")),
      text.replace("prod_", "dev_"),
      text.replace("_", "-"),
      `sk-t0-${"a".repeat(12)}-${"b".repeat(48)}`,
    ]) {
      expect(listKeysInText(other)).toEqual([]);
    }
  });

  test("leaves out random texts of the form", () => {
    const random = makeSeededRandom();
    const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const word = (length: number) => Array.from({ length }, () => base62[random.integer(62)]).join("");
    const text = Array.from({ length: 5_000 }, () => `prod_${word(12).toLowerCase()}_${word(48)}`).join("\n");
    expect(listKeysInText(text)).toEqual([]);
  });
});
