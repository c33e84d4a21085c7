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
});
