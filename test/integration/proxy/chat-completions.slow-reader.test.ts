import { createServer, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { fastFlush } from "../../support/event-of.ts";
import { makeChatRequest } from "../../support/leaving-client.ts";
import { listResponses } from "../../support/list-responses.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

const mebi = 1024 * 1024;
const streamBytes = 24 * mebi;
const readers = 6;
/** What the system buffers for both connections of a stream, and what the gateway may hold of it. */
const systemBytesMax = 20 * mebi;
const heldBytesMax = mebi;
const frame = Buffer.from(`data: {"choices":[{"index":0,"delta":{"content":"${"x".repeat(4_000)}"}}]}\n\n`);

let upstream: Server;
let gateway: TestGateway;
let key: string;
/** Bytes that left the provider, by stream. */
const sent: number[] = [];

/** Writes as long as it is taken. */
function play(response: ServerResponse, index: number): void {
  sent[index] = 0;
  response.writeHead(200, { "content-type": "text/event-stream" });
  const push = (): void => {
    while ((sent[index] as number) < streamBytes) {
      if (response.destroyed) return;
      const more = response.write(frame);
      sent[index] = (sent[index] as number) + frame.length;
      if (!more) {
        response.once("drain", push);
        return;
      }
    }
    response.end("data: [DONE]\n\n");
  };
  push();
}

beforeAll(async () => {
  let count = 0;
  upstream = createServer((request, response) => {
    request.resume();
    play(response, count++);
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  gateway = await openTestGateway({ config: fastFlush + makeModelConfig(`http://127.0.0.1:${port}`) });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  upstream.closeAllConnections();
  upstream.close();
});

const sockets: Socket[] = [];
/** So that a failed test leaves the next one no open streams. */
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Connects with a client that reads nothing until it is resumed. */
async function openReader(): Promise<{ socket: Socket; received: () => number; tail: () => string }> {
  const socket = connect({ port: Number(new URL(gateway.url).port), host: "127.0.0.1" });
  sockets.push(socket);
  let received = 0;
  let tail = "";
  await new Promise<void>((resolve) => socket.once("connect", resolve));
  socket.pause();
  socket.on("data", (bytes: Buffer) => {
    received += bytes.length;
    tail = (tail + bytes.toString("latin1", Math.max(0, bytes.length - 100))).slice(-200);
  });
  socket.pause();
  socket.write(makeChatRequest(key, { model: "gpt-test", messages: [], stream: true, max_tokens: 10 }));
  return { socket, received: () => received, tail: () => tail };
}

/** Waits until no provider has got rid of anything for 300 ms. */
async function settleDown(): Promise<void> {
  let last = -1;
  let since = performance.now();
  await waitUntil(
    () => {
      const now = sent.reduce((sum, bytes) => sum + bytes, 0);
      if (now !== last) since = performance.now();
      last = now;
      return sent.length > 0 && performance.now() - since > 300;
    },
    "a standstill",
    30_000,
  );
}

/** What was taken from the providers and is in neither the clients nor the system's buffers can only be in here. */
const getMemory = (): number => {
  global.gc?.();
  const { rss } = process.memoryUsage();
  return rss;
};

describe("clients that do not read", () => {
  it("hold up their provider, not the gateway's memory; all arrives once they read", async () => {
    const before = getMemory();
    const open = await Promise.all(Array.from({ length: readers }, openReader));
    await waitUntil(() => sent.length === readers, "all streams");
    await settleDown();
    const stood = [...sent];
    const grown = getMemory() - before;
    // The gateway's own side of each connection, as Node tells it.
    const held = listResponses(Number(new URL(gateway.url).port)).map((response) => response.writableLength);
    console.info(
      `backpressure: ${readers} streams of ${streamBytes / mebi} MiB stood at ${stood.map((bytes) => (bytes / mebi).toFixed(1)).join(", ")} MiB; ` +
        `the gateway held at most ${Math.max(...held)} bytes of one; RSS grew by ${(grown / mebi).toFixed(1)} MiB`,
    );
    expect(held).toHaveLength(readers);
    for (const bytes of held) expect(bytes).toBeLessThan(heldBytesMax);
    for (const bytes of stood) expect(bytes).toBeLessThan(Math.min(systemBytesMax, streamBytes));
    // RSS of a process that also is the provider and the clients; the streams together are 144 MiB.
    expect(grown).toBeLessThan(100 * mebi);

    for (const reader of open) reader.socket.resume();
    await waitUntil(() => open.every((reader) => reader.tail().includes("[DONE]")), "the whole streams", 40_000);
    for (const reader of open) expect(reader.received()).toBeGreaterThan(streamBytes);
    const events = await gateway.listEvents(readers);
    expect(events.map((event) => [event.status, event.stream])).toEqual(
      Array.from({ length: readers }, () => [200, true]),
    );
    expect(Number(events[0]?.bytes_out)).toBeGreaterThanOrEqual(streamBytes);
  });

  it("and then leave do not leave their provider waiting: it is read to its end, or cut", async () => {
    const aborting = (await gateway.makeKey({ onDisconnect: "abort" })).text;
    const before = (await gateway.listEvents(0)).length;
    for (const own of [key, aborting]) {
      const index = sent.length;
      const socket = connect({ port: Number(new URL(gateway.url).port), host: "127.0.0.1" });
      socket.pause();
      socket.write(makeChatRequest(own, { model: "gpt-test", messages: [], stream: true, max_tokens: 10 }));
      await waitUntil(() => sent.length > index, "the stream");
      await settleDown();
      expect(sent[index]).toBeLessThan(streamBytes);
      socket.destroy();
      await waitUntil(() => gateway.context.proxy.openRequests.count === 0, "no open request", 30_000);
      expect((sent[index] as number) >= streamBytes).toBe(own === key);
    }
    const events = (await gateway.listEvents(before + 2)).slice(before);
    expect(events.map((event) => event.status)).toEqual([499, 499]);
  });
});
