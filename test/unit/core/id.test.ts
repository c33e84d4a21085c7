import { expect, test } from "vitest";
import { makeEventId, parseEventTime } from "../../../server/core/id.ts";

test("is the UUIDv7 of its time", () => {
  // The example of RFC 9562, appendix A.6.
  const bytes = Uint8Array.from([0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f]);
  const id = makeEventId(1_645_557_742_000, bytes, 0);
  expect(id).toBe("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  expect(parseEventTime(id)).toBe(1_645_557_742_000);
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
