import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ByteUpstream, openByteUpstream } from "../../support/byte-upstream.ts";
import { makeChatStream } from "../../support/chat-stream.ts";
import { runBatches } from "../../support/run-batches.ts";
import { findStreamDeathFault, type StreamDeath } from "../../support/stream-death.ts";
import { makeModelConfig, openTestGateway, type StoredEvent, type TestGateway } from "../../support/test-gateway.ts";

/** About 4 KB. */
const stream = makeChatStream(17);
const retries = 1;
let upstream: ByteUpstream;
let gateway: TestGateway;
let key: string;

beforeAll(async () => {
  upstream = await openByteUpstream((json) => {
    const [how, at] = (json.metadata as { cut: string }).cut.split("-");
    const offset = Number(at);
    if (offset === 0) return { pieces: [], end: "before_head" };
    return { pieces: [stream.bytes.subarray(0, offset)], end: how === "reset" ? "reset" : "drop" };
  });
  gateway = await openTestGateway({
    config: makeModelConfig(upstream.url, "gpt-test", `retries = ${retries}\ncircuit_breaker = { failures = 0 }`),
  });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

/** Runs every case and adds what provider and ledger know of it. */
async function observe(cases: readonly Pick<StreamDeath, "offset" | "how" | "includeUsage">[]): Promise<StreamDeath[]> {
  const before = (await gateway.listEvents(0)).length;
  const seen: (StreamDeath & { id: string })[] = [];
  await runBatches(cases, 32, async (one) => {
    const response = await gateway.call(
      "/v1/chat/completions",
      {
        model: "gpt-test",
        messages: [{ role: "user", content: "Say something, one word at a time." }],
        stream: true,
        max_tokens: 100,
        ...(one.includeUsage ? { stream_options: { include_usage: true } } : {}),
        metadata: { cut: `${one.how}-${one.offset}` },
      },
      key,
    );
    const text = await response.text();
    const id = response.headers.get("x-request-id") ?? "";
    seen.push({ ...one, id, status: response.status, text, calls: upstream.calls.get(id)?.length ?? 0, events: [] });
    upstream.calls.delete(id);
  });
  const byId = new Map<string, StoredEvent[]>();
  const stored = (await gateway.listEvents(before + cases.length)).slice(before);
  expect(stored).toHaveLength(cases.length);
  for (const event of stored) byId.set(event.id, [...(byId.get(event.id) ?? []), event]);
  return seen.map((death) => ({ ...death, events: byId.get(death.id) ?? [] }));
}

describe("a provider that dies in the middle of a stream", () => {
  it("never leaves a stream that looks complete, and is settled once: FIN and RST at every byte", async () => {
    expect(stream.bytes.length).toBeGreaterThan(4_000);
    const offsets = Array.from({ length: stream.bytes.length + 1 }, (_, offset) => offset);
    const cases = (["drop", "reset"] as const).flatMap((how) =>
      offsets.map((offset) => ({ offset, how, includeUsage: offset % 2 === 0 })),
    );
    const deaths = await observe(cases);
    const faults = deaths.flatMap((death) => {
      const fault = findStreamDeathFault(stream, death, retries + 1);
      return fault === null ? [] : [`${death.how} at ${death.offset}: ${fault}`];
    });
    const streamed = deaths.filter((death) => death.status === 200);
    console.info(
      `H7: ${deaths.length} streams cut at ${offsets.length} offsets; ${streamed.length} had begun; ${faults.length} faults`,
    );
    expect(faults.slice(0, 10)).toEqual([]);
    expect(deaths).toHaveLength(2 * (stream.bytes.length + 1));
    expect(streamed.length).toBeGreaterThan(stream.bytes.length);
    // A RST that always destroyed what was sent would test nothing.
    expect(streamed.filter((death) => death.how === "reset" && death.text.length > 400).length).toBeGreaterThan(500);
  });

  it("is caught by this check where a relay hides it", async () => {
    const [cut] = await observe([{ offset: 2_000, how: "drop", includeUsage: true }]);
    const [late] = await observe([{ offset: stream.bytes.length - 3, how: "drop", includeUsage: true }]);
    if (cut === undefined || late === undefined) throw new Error("nothing was seen");
    const [event] = cut.events as [StoredEvent];
    const error = cut.text.slice(cut.text.lastIndexOf("data: "));
    const planted: [fault: string, death: StreamDeath][] = [
      ["[DONE] in a stream that was cut", { ...cut, text: `${cut.text}data: [DONE]\n\n` }],
      ["[DONE] in a stream that was cut", { ...late, text: stream.bytes.toString() }],
      ["no error event at the end", { ...cut, text: cut.text.slice(0, -error.length) }],
      ["no error event at the end", { ...cut, text: "" }],
      ["other bytes than the provider's", { ...cut, text: cut.text.slice(0, 300) + cut.text }],
      ["other bytes than the provider's", { ...cut, how: "reset", text: cut.text.slice(0, 300) + cut.text }],
      ["502 although bytes had come", { ...cut, status: 502 }],
      ["no event", { ...cut, events: [] }],
      ["2 events", { ...cut, events: [event, event] }],
      ["1 attempts in the event, 2 calls at the provider", { ...cut, calls: 2 }],
      ["tried again after the first byte", { ...cut, calls: 2, events: [{ ...event, attempts: 2 }] }],
      ["usage reported", { ...cut, events: [{ ...event, usage_source: "reported" }] }],
      ["usage reserved", { ...cut, how: "reset", events: [{ ...event, usage_source: "reserved" }] }],
      ["a whole stream was spoiled", { ...late, offset: stream.bytes.length }],
      ["event says 200", { ...cut, events: [{ ...event, status: 200 }] }],
      ["the prompt is not charged", { ...cut, events: [{ ...event, input_tokens: "0" }] }],
      ["more charged than reserved", { ...cut, events: [{ ...event, cost_nano_usd: "99999999999" }] }],
    ];
    expect(findStreamDeathFault(stream, cut, 2)).toBeNull();
    expect(findStreamDeathFault(stream, late, 2)).toBeNull();
    for (const [fault, death] of planted) expect(findStreamDeathFault(stream, death, 2)).toBe(fault);
    expect(planted.length).toBeGreaterThan(10);
  });
});
