import fc from "fast-check";
import { test } from "vitest";
import { makeEventId, parseEventTime } from "../../../server/core/id.ts";

const time = fc.oneof(fc.integer({ min: 0, max: 2 ** 48 - 1 }), fc.constantFrom(0, 1, 0xffff, 0x1_0000, 2 ** 48 - 1));
const random = fc.uint8Array({ minLength: 10, maxLength: 10 });

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
