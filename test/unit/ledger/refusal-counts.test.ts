import { describe, expect, test } from "vitest";
import { RefusalCounts } from "../../../server/ledger/refusal-counts.ts";

const call = {
  publicId: "key",
  ownerId: "owner",
  keyTags: "",
  model: "model",
  endpoint: "chat_completions",
  status: 429,
  code: "rate_limit_exceeded",
  origin: "",
};
const nowMs = Date.parse("2026-09-10T12:34:56Z");
const hourMs = Date.parse("2026-09-10T12:00:00Z");

describe("RefusalCounts", () => {
  test("counts by what differs and by the hour, and says once that something waits", () => {
    const counts = new RefusalCounts();
    let told = 0;
    counts.onPending = () => (told += 1);
    expect([counts.isPending, counts.take()]).toEqual([false, null]);
    counts.add(call, nowMs);
    counts.add(call, nowMs + 1_000);
    counts.add({ ...call, origin: "https://a.example" }, nowMs);
    counts.add(call, nowMs + 3_600_000);
    expect(told).toBe(1);
    expect(counts.take()).toEqual({
      batch: 1,
      counts: [
        { ...call, hourMs, refusals: 2 },
        { ...call, hourMs, origin: "https://a.example", refusals: 1 },
        { ...call, hourMs: hourMs + 3_600_000, refusals: 1 },
      ],
      networks: [],
    });
  });

  test("gives the same batch until it is stored, and counts on meanwhile", () => {
    const counts = new RefusalCounts();
    counts.add(call, nowMs);
    const first = counts.take();
    counts.add(call, nowMs);
    expect(counts.take()).toBe(first);
    if (first !== null) counts.release(first);
    expect(counts.take()).toMatchObject({ batch: 2, counts: [{ refusals: 1 }] });
  });

  test("stays within bounds, and loses no refusal", () => {
    const counts = new RefusalCounts();
    for (let index = 0; index < 5_000; index++) {
      counts.add({ ...call, publicId: `key-${index}`, model: `model-${index}` }, nowMs);
      counts.addUnknown(`10.${index >> 8}.${index & 255}.7`, nowMs + index);
    }
    const batch = counts.take();
    expect(batch?.counts.length).toBe(2_001);
    expect(batch?.counts.reduce((sum, { refusals }) => sum + refusals, 0)).toBe(5_000);
    expect(batch?.counts.at(-1)).toMatchObject({ publicId: "", model: "", code: call.code, refusals: 3_000 });
    expect(batch?.networks.length).toBe(1_001);
    expect(batch?.networks.at(-1)).toEqual({
      network: "other",
      attempts: 4_000,
      firstMs: nowMs + 1_000,
      lastMs: nowMs + 4_999,
    });
  });
});
