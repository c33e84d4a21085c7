import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClientConnection } from "../../../server/proxy/client-connection.ts";
import { type ByteUpstream, openByteUpstream } from "../../support/byte-upstream.ts";
import { getForwarded, makeChatAnswer, makeChatStream } from "../../support/chat-stream.ts";
import { type ClientLeave, findClientLeaveFault } from "../../support/client-leave.ts";
import { makeChatRequest, openLeavingClient } from "../../support/leaving-client.ts";
import { runBatches } from "../../support/run-batches.ts";
import { makeModelConfig, openTestGateway, type StoredEvent, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

const stream = makeChatStream(17);
const answer = makeChatAnswer(17);
let upstream: ByteUpstream;
let gateway: TestGateway;
let port: number;
const keys: Record<"drain" | "abort", string> = { drain: "", abort: "" };

beforeAll(async () => {
  upstream = await openByteUpstream((json) => {
    const offset = Number((json.metadata as { at: string }).at);
    const bytes = json.stream === true ? stream.bytes : answer;
    const headers =
      json.stream === true ? {} : { "content-type": "application/json", "content-length": String(bytes.length) };
    return { headers, pieces: [bytes.subarray(0, offset)], heldRest: bytes.subarray(offset) };
  });
  gateway = await openTestGateway({ config: makeModelConfig(upstream.url) });
  port = Number(new URL(gateway.url).port);
  keys.drain = (await gateway.makeKey({ onDisconnect: "drain" })).text;
  keys.abort = (await gateway.makeKey({ onDisconnect: "abort" })).text;
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

function makeBody(mark: string, offset: number, isStream: boolean): object {
  return {
    model: "gpt-test",
    messages: [{ role: "user", content: "Say something, one word at a time." }],
    max_tokens: 100,
    ...(isStream ? { stream: true } : {}),
    metadata: { at: String(offset) },
    user: mark,
  };
}

type Case = Pick<ClientLeave, "offset" | "stream" | "onDisconnect">;

/** Runs every case: the provider sends up to an offset and waits; the client takes what it can get of that and leaves. */
async function observe(cases: readonly Case[]): Promise<ClientLeave[]> {
  const before = (await gateway.listEvents(0)).length;
  const seen: (ClientLeave & { id: string })[] = [];
  const findId = (mark: string): string | undefined => {
    for (const [id, [call]] of upstream.calls) if (call?.json.user === mark) return id;
    return undefined;
  };
  await runBatches(cases, 16, async (one, index) => {
    const mark = `case-${before}-${index}`;
    const client = await openLeavingClient(
      port,
      makeChatRequest(keys[one.onDisconnect], makeBody(mark, one.offset, one.stream)),
    );
    await waitUntil(() => findId(mark) !== undefined, "the provider's call");
    const id = findId(mark) as string;
    const [call] = upstream.calls.get(id) ?? [];
    if (call === undefined) throw new Error("no call");
    await call.sent;
    if (one.stream && one.offset > 0) {
      const due = getForwarded(stream, one.offset, false).toString().split("\n\n").length - 1;
      await client.until((text) => text.split("data: ").length - 1 >= due && text.includes("\r\n\r\n"));
    }
    await client.leave();
    const leftAtMs = performance.now();
    if (one.onDisconnect === "drain") {
      // The gateway notices before the provider goes on, as it does where a provider takes its time.
      await new Promise((resolve) => setTimeout(resolve, 2));
      call.release();
    }
    const closedAtMs = await Promise.race([
      call.closed,
      new Promise<number>((resolve) => setTimeout(() => resolve(Number.POSITIVE_INFINITY), 3_000).unref()),
    ]);
    seen.push({
      ...one,
      id,
      upstreamClosedAfterMs: closedAtMs - leftAtMs,
      upstreamEnd: call.end,
      calls: upstream.calls.get(id)?.length ?? 0,
      events: [],
    });
    upstream.calls.delete(id);
  });
  const stored = (await gateway.listEvents(before + cases.length)).slice(before);
  expect(stored).toHaveLength(cases.length);
  return seen.map((leave) => ({ ...leave, events: stored.filter((event) => event.id === leave.id) }));
}

function listFaults(leaves: readonly ClientLeave[]): string[] {
  return leaves.flatMap((leave) => {
    const fault = findClientLeaveFault(stream, leave);
    const what = `${leave.stream ? "stream" : "JSON"}, ${leave.onDisconnect}, at ${leave.offset}`;
    return fault === null ? [] : [`${what}: ${fault}`];
  });
}

const listOffsets = (length: number, step: number): number[] =>
  Array.from({ length: Math.ceil(length / step) }, (_, index) => index * step);

describe("a client that leaves", () => {
  it("has its call settled with the prompt charged, and closed or drained: at offsets of streams and answers", async () => {
    const cases = (["drain", "abort"] as const).flatMap((onDisconnect) => [
      ...listOffsets(stream.bytes.length, 8).map((offset) => ({ offset, stream: true, onDisconnect })),
      ...listOffsets(answer.length, 4).map((offset) => ({ offset, stream: false, onDisconnect })),
    ]);
    const leaves = await observe(cases);
    const faults = listFaults(leaves);
    const slowest = Math.max(
      ...leaves.filter((leave) => leave.onDisconnect === "abort").map((leave) => leave.upstreamClosedAfterMs),
    );
    console.info(
      `H8: ${leaves.length} clients left; provider told at most ${slowest.toFixed(1)} ms later; ${faults.length} faults`,
    );
    expect(faults.slice(0, 10)).toEqual([]);
    expect(leaves.length).toBeGreaterThan(1_000);
  });

  it("is caught by this check where its call is lost, doubled, free or left open", async () => {
    const [drained, aborted] = (await observe([
      { offset: 800, stream: true, onDisconnect: "drain" },
      { offset: 800, stream: true, onDisconnect: "abort" },
    ]).then((leaves) => leaves.sort((a) => (a.onDisconnect === "drain" ? -1 : 1)))) as [ClientLeave, ClientLeave];
    const [event] = aborted.events as [StoredEvent];
    const planted: [fault: string, leave: ClientLeave][] = [
      ["no event", { ...aborted, events: [] }],
      ["2 events", { ...aborted, events: [event, event] }],
      ["2 calls, 1 attempts", { ...aborted, calls: 2 }],
      ["nothing is charged", { ...aborted, events: [{ ...event, cost_nano_usd: "0" }] }],
      ["the prompt is not charged", { ...aborted, events: [{ ...event, input_tokens: "0" }] }],
      ["more charged than reserved", { ...aborted, events: [{ ...event, cost_nano_usd: "99999999999" }] }],
      ["event says 200", { ...aborted, events: [{ ...event, status: 200 }] }],
      ["the provider's call was closed late", { ...aborted, upstreamClosedAfterMs: 1_001 }],
      ["the provider's call ended as open", { ...aborted, upstreamEnd: "open" }],
      ["the provider's call ended as left", { ...drained, upstreamEnd: "left" }],
      ["usage reported", { ...aborted, events: [{ ...event, usage_source: "reported" }] }],
      [
        "usage estimated",
        { ...drained, events: [{ ...(drained.events[0] as StoredEvent), usage_source: "estimated" }] },
      ],
      [
        "other usage than reported",
        { ...drained, events: [{ ...(drained.events[0] as StoredEvent), output_tokens: "1" }] },
      ],
    ];
    expect([findClientLeaveFault(stream, drained), findClientLeaveFault(stream, aborted)]).toEqual([null, null]);
    for (const [fault, leave] of planted) expect(findClientLeaveFault(stream, leave)).toBe(fault);
  });

  it("in the middle of its request is no call: at every 8th byte", async () => {
    const before = (await gateway.listEvents(0)).length;
    const calls = upstream.calls.size;
    const request = makeChatRequest(keys.drain, makeBody("unfinished", 0, false));
    const offsets = listOffsets(request.length, 8);
    await runBatches(offsets, 16, async (offset) => {
      const client = await openLeavingClient(port, request.subarray(0, offset));
      await new Promise((resolve) => setTimeout(resolve, 1));
      await client.leave();
    });
    await waitUntil(() => gateway.context.proxy.openRequests.count === 0, "no open request");
    expect(offsets.length).toBeGreaterThan(30);
    // What was written before the probe's event would be there with it.
    const probe = gateway.call("/v1/chat/completions", makeBody("probe", answer.length, false), keys.drain);
    await waitUntil(() => upstream.calls.size > calls, "the probe's call");
    for (const [call] of upstream.calls.values()) call?.release();
    expect((await probe).status).toBe(200);
    expect(await gateway.listEvents(before + 1)).toHaveLength(before + 1);
    expect(upstream.calls.size).toBe(calls + 1);
  });

  it("at the very moment of its request leaves no call running, whether its key was known or not", async () => {
    const before = (await gateway.listEvents(0)).length;
    const cold = await Promise.all(Array.from({ length: 60 }, () => gateway.makeKey({ onDisconnect: "abort" })));
    const cases = Array.from({ length: 1_000 }, (_, index) => cold[index]?.text ?? keys.abort);
    await runBatches(cases, 8, async (key, index) => {
      const mark = `at-once-${index}`;
      const client = await openLeavingClient(port, makeChatRequest(key, makeBody(mark, 0, index % 2 === 0)));
      // From 0 to a few turns of the event loop after the request.
      for (let turn = 0; turn < index % 13; turn++) await new Promise((resolve) => setImmediate(resolve));
      await client.leave(index % 4 < 2 ? "fin" : "rst");
    });
    // The provider never goes on by itself: a call that nobody ended would stay open.
    await waitUntil(() => gateway.context.proxy.openRequests.count === 0, "no open request");
    const dispatched = [...upstream.calls.values()]
      .flat()
      .filter((call) => String(call.json.user).startsWith("at-once-"));
    await waitUntil(() => dispatched.every((call) => call.end === "left"), "no running call");
    const findEvents = async (): Promise<StoredEvent[]> => (await gateway.listEvents(0)).slice(before);
    await waitUntil(async () => {
      const ids = new Set((await findEvents()).map((event) => event.id));
      return dispatched.every((call) => ids.has(call.requestId));
    }, "an event for each call");
    const stored = await findEvents();
    expect(new Set(stored.map((event) => event.id)).size).toBe(stored.length);
    expect(stored.filter((event) => BigInt(event.cost_nano_usd ?? 0) === 0n || event.status !== 499)).toEqual([]);
    expect(dispatched.length).toBeGreaterThan(20);
    console.info(`H8: ${cases.length} clients left at once; ${dispatched.length} of their calls reached the provider`);
  });

  it("is known to have left although nobody listened when it did", async () => {
    const response = await new Promise<ServerResponse>((resolve) => {
      const server = createServer((_request, late) => {
        late.once("close", () => server.close(() => resolve(late)));
        late.socket?.destroy();
      });
      server.listen(0, "127.0.0.1", () => {
        fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`).catch(() => undefined);
      });
    });
    const client = new ClientConnection(response);
    let told = 0;
    client.onLeft(() => told++);
    expect([client.left, told]).toEqual([true, 1]);
  });

  it("leaves no socket and no open request behind", async () => {
    for (const list of upstream.calls.values()) for (const call of list) call.release();
    await waitUntil(() => gateway.context.proxy.openRequests.count === 0, "no open request");
    expect(await gateway.context.metrics.text()).toMatch(/^tollgate_open_requests 0$/m);
    // Idle connections are kept for 4 s.
    await waitUntil(async () => (await upstream.countConnections()) === 0, "no connection to the provider");
    expect(await upstream.countConnections()).toBe(0);
  });
});
