import fc from "fast-check";
import { expect, test } from "vitest";
import { makeEventId, parseEventTime } from "../../../server/core/id.ts";

const time = fc.oneof(fc.integer({ min: 0, max: 2 ** 48 - 1 }), fc.constantFrom(0, 1, 0xffff, 0x1_0000, 2 ** 48 - 1));
const random = fc.uint8Array({ minLength: 10, maxLength: 10 });

test("is the UUIDv7 of its time", () => {
  // The example of RFC 9562, appendix A.6.
  const bytes = Uint8Array.from([0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f]);
  expect(makeEventId(1_645_557_742_000, bytes, 0)).toBe("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
});

test("has the right form, its time can be read, and only the random bytes at the offset count", () => {
  fc.assert(
    fc.property(time, random, fc.nat(7), (timeMs, bytes, offset) => {
      const padded = new Uint8Array(30).fill(0xaa);
      padded.set(bytes, offset);
      const id = makeEventId(timeMs, padded, offset);
      return (
        /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id) &&
        parseEventTime(id) === timeMs &&
        id === makeEventId(timeMs, bytes, 0)
      );
    }),
    { numRuns: 10_000 },
  );
});

test("sorts by time", () => {
  fc.assert(
    fc.property(time, time, random, random, (a, b, bytesA, bytesB) => {
      if (a === b) return true;
      return makeEventId(a, bytesA, 0) < makeEventId(b, bytesB, 0) === a < b;
    }),
    { numRuns: 10_000 },
  );
});

test("any of its 74 random bits makes another id", () => {
  const base = new Uint8Array(10);
  const seen = new Set([makeEventId(1, base, 0)]);
  for (let bit = 0; bit < 80; bit++) {
    const bytes = new Uint8Array(10);
    bytes[bit >> 3] = 1 << (bit & 7);
    seen.add(makeEventId(1, bytes, 0));
  }
  expect(seen.size).toBe(1 + 74);
});
