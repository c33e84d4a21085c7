import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ByteUpstream, openByteUpstream } from "../../support/byte-upstream.ts";
import { type ChatStream, getForwarded, makeChatStream } from "../../support/chat-stream.ts";
import { makeChatRequest, openLeavingClient } from "../../support/leaving-client.ts";
import { runBatches } from "../../support/run-batches.ts";
import { makeModelConfig, openTestGateway, type StoredEvent, type TestGateway } from "../../support/test-gateway.ts";
import { type TranslatedWire, translatedWires } from "../../support/translated-wires.ts";
import { waitUntil } from "../../support/wait-until.ts";

/** BARS.md H7 and H8, for streams that are written anew on their way. */
const isFull = process.env.TEST_TIER === "full";
const stride = isFull ? 1 : 47;
const stream = makeChatStream(17);
const whole = readWords(stream, stream.bytes.length);
let upstream: ByteUpstream;
let gateway: TestGateway;
let port: number;
const keys: Record<"drain" | "abort", string> = { drain: "", abort: "" };

/** The words of the events that the first bytes of the provider's stream hold. */
function readWords(from: ChatStream, offset: number): string {
  const text = getForwarded(from, offset, true).toString();
  return [...text.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)]
    .map(([, word]) => JSON.parse(word as string) as string)
    .join("");
}

beforeAll(async () => {
  upstream = await openByteUpstream((json) => {
    const messages = json.messages as { content: string }[];
    const [how, at] = (messages.at(-1)?.content ?? "").split(" ");
    const offset = Number(at);
    const pieces = [stream.bytes.subarray(0, offset)];
    if (how === "hold") return { pieces, heldRest: stream.bytes.subarray(offset) };
    return { pieces, end: how === "reset" ? "reset" : "drop" };
  });
  gateway = await openTestGateway({
    config: makeModelConfig(upstream.url, "gpt-test", "retries = 0\ncircuit_breaker = { failures = 0 }"),
  });
  port = Number(new URL(gateway.url).port);
  keys.drain = (await gateway.makeKey({ onDisconnect: "drain" })).text;
  keys.abort = (await gateway.makeKey({ onDisconnect: "abort" })).text;
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

interface Death {
  how: "drop" | "reset";
  offset: number;
  status: number;
  text: string;
  events: StoredEvent[];
}

/** Says what is wrong with a stream whose provider died at an offset, or `null`. */
function findFault(wire: TranslatedWire, { how, offset, status, text, events }: Death): string | null {
  const [event] = events;
  if (event === undefined || events.length !== 1) return `${events.length} events`;
  if (status === 502) {
    if (how === "drop" && offset > 0) return "502 although bytes had come";
    return event.status === 502 ? null : `event says ${event.status}`;
  }
  if (status !== 200) return `status ${status}`;
  const words = wire.readText(text);
  if (how === "drop" && offset === stream.bytes.length) {
    if (!wire.terminal.test(text) || words !== whole) return "a whole stream was spoiled";
    return event.status === 200 && event.usage_source === "reported" ? null : `event says ${event.status}`;
  }
  if (wire.terminal.test(text)) {
    return how === "reset" && offset === stream.bytes.length ? null : "an end of a stream that was cut";
  }
  if (!wire.error.test(text)) return `no error event at the end: ${text.slice(-300)}`;
  if (how === "drop" ? words !== readWords(stream, offset) : !whole.startsWith(words)) return `other words: ${words}`;
  if (event.status !== 502 || event.code !== "upstream_error") return `event says ${event.status} ${event.code}`;
  if (event.cost_nano_usd === null || BigInt(event.cost_nano_usd) === 0n) return "nothing is charged";
  return BigInt(event.cost_nano_usd) <= BigInt(event.reserved_nano_usd) ? null : "more charged than reserved";
}

async function observe(wire: TranslatedWire, cases: readonly Pick<Death, "how" | "offset">[]): Promise<Death[]> {
  const before = (await gateway.listEvents(0)).length;
  const seen: (Omit<Death, "events"> & { id: string })[] = [];
  await runBatches(cases, 16, async (one) => {
    const response = await gateway.call(wire.path, wire.makeBody(`${one.how} ${one.offset}`), keys.drain);
    const id = response.headers.get("x-request-id") ?? "";
    seen.push({ ...one, id, status: response.status, text: await response.text() });
    upstream.calls.delete(id);
  });
  const stored = await gateway.listEvents(before + cases.length);
  const byId = new Map<string, StoredEvent[]>();
  for (const event of stored) byId.set(event.id, [...(byId.get(event.id) ?? []), event]);
  return seen.map((death) => ({ ...death, events: byId.get(death.id) ?? [] }));
}

describe.each(translatedWires)("a translated stream: $path", (wire) => {
  it("never looks complete where its provider dies, and is settled once: FIN and RST, at offsets all over it", async () => {
    const ends = stream.events.flatMap(({ end }) => [end - 1, end]);
    const offsets = Array.from({ length: stream.bytes.length + 1 }, (_, offset) => offset).filter(
      (offset) =>
        offset % stride === 0 || offset === stream.bytes.length || (stride > 1 && ends.slice(-8).includes(offset)),
    );
    const cases = offsets.flatMap((offset) => (["drop", "reset"] as const).map((how) => ({ how, offset })));
    const deaths = await observe(wire, cases);
    const faults = deaths.flatMap((death) => {
      const fault = findFault(wire, death);
      return fault === null ? [] : [`${death.how} at ${death.offset}: ${fault}`];
    });
    console.info(`H7: ${wire.path}: ${deaths.length} streams cut; ${faults.length} faults`);
    expect(faults.slice(0, 5)).toEqual([]);
    expect(deaths.filter(({ status }) => status === 200).length).toBeGreaterThan(offsets.length);
  });

  it("is caught by this check where it hides a death", async () => {
    const [cut] = await observe(wire, [{ how: "drop", offset: 2_000 }]);
    const [good] = await observe(wire, [{ how: "drop", offset: stream.bytes.length }]);
    if (cut === undefined || good === undefined) throw new Error("nothing was seen");
    expect(findFault(wire, cut)).toBeNull();
    const error = wire.error.exec(cut.text)?.[0] ?? "";
    for (const planted of [
      { ...cut, text: good.text },
      { ...cut, text: cut.text.slice(0, -error.length) },
      { ...cut, text: error },
      { ...cut, events: [] },
      { ...good, text: cut.text },
    ]) {
      expect(findFault(wire, planted)).not.toBeNull();
    }
  });

  it("is read to its end, or ended, as the key says, where its client leaves", async () => {
    const offsets = isFull ? stream.events.slice(1).map(({ end }) => end) : [stream.events[1]?.end ?? 0, 1_500, 2_750];
    for (const onDisconnect of ["drain", "abort"] as const) {
      await runBatches(offsets, 4, async (offset) => {
        const request = makeChatRequest(keys[onDisconnect], wire.makeBody(`hold ${offset}`), wire.path);
        const client = await openLeavingClient(port, request);
        await client.until((text) => text.includes("data: "));
        const id = /x-request-id: (\S+)/.exec(client.received())?.[1] ?? "";
        await client.leave();
        const [call] = upstream.calls.get(id) ?? [];
        if (call === undefined) throw new Error("no call");
        if (onDisconnect === "abort") await call.closed;
        else {
          await new Promise((resolve) => setTimeout(resolve, 50));
          call.release();
        }
        let stored: StoredEvent[] = [];
        await waitUntil(async () => {
          stored = (await gateway.listEvents(0)).filter((event) => event.id === id);
          return stored.length > 0;
        }, "the event");
        const drained = onDisconnect === "drain";
        expect(stored).toHaveLength(1);
        expect(stored[0]).toMatchObject({ status: 499, usage_source: drained ? "reported" : "estimated" });
        expect(Number(stored[0]?.output_tokens) === stream.completionTokens || !drained).toBe(true);
        expect(call.end).toBe(drained ? "served" : "left");
      });
    }
  });
});
