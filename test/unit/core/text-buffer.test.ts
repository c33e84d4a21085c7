import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TextBuffer } from "../../../server/core/text-buffer.ts";
import { anyCharacter } from "../../support/any-character.ts";

describe("TextBuffer", () => {
  it("gives the bytes of all texts in order, whatever room it had, and is empty afterwards", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: anyCharacter, maxLength: 40 })),
        fc.integer({ min: 1, max: 64 }),
        (texts, room) => {
          const buffer = new TextBuffer(room);
          for (const text of texts) buffer.append(text);
          expect(buffer.length).toBe(Buffer.byteLength(texts.join("")));
          expect(buffer.take().equals(Buffer.concat(texts.map((text) => Buffer.from(text))))).toBe(true);
          expect(buffer.take()).toHaveLength(0);
        },
      ),
    );
  });

  const written = (write: (buffer: TextBuffer) => void): string => {
    const buffer = new TextBuffer(1);
    write(buffer);
    return buffer.take().toString("utf8");
  };

  it("writes every number as JavaScript does", () => {
    const edges = [0, -0, 9, 10, 99, 100, 999_999_999, 1e9, 2 ** 53 - 1, -1, 0.5, 1e21, Number.NaN, -Infinity];
    for (const value of edges) expect(written((buffer) => buffer.appendNumber(value))).toBe(String(value));
    const number = fc.oneof(fc.integer({ min: 0, max: 2 ** 31 }), fc.maxSafeInteger(), fc.double());
    fc.assert(
      fc.property(fc.array(number), (values) => {
        const text = written((buffer) => {
          for (const value of values) {
            buffer.appendNumber(value);
            buffer.appendCode(0x20);
          }
        });
        expect(text).toBe(values.map((value) => `${value} `).join(""));
      }),
    );
  });

  it("writes every whole amount of money", () => {
    fc.assert(
      fc.property(fc.oneof(fc.bigInt(), fc.bigInt(0n, 2n ** 31n)), (value) => {
        expect(written((buffer) => buffer.appendBigInt(value))).toBe(String(value));
      }),
    );
  });

  it("writes thousandths with three decimals, and loses nothing of other numbers", () => {
    const texts = [1, 12.345, 0.001, 0, 999_999.999, 1e6, -1, -0.5, 1.23456].map((value) =>
      written((buffer) => buffer.appendMilli(value)),
    );
    expect(texts).toEqual(["1.000", "12.345", "0.001", "0", "999999.999", "1000000", "-1", "-0.5", "1.23456"]);
    const number = fc.oneof(
      fc.integer({ min: -1_000, max: 2 ** 31 }).map((thousandths) => thousandths / 1_000),
      fc.double({ noNaN: true }),
    );
    fc.assert(
      fc.property(number, (value) => {
        // JavaScript writes -0 as 0.
        expect(Number(written((buffer) => buffer.appendMilli(value)))).toBe(value === 0 ? 0 : value);
      }),
    );
  });
});
