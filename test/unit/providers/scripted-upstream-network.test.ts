import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type FaultProxy, openFaultProxy } from "../../support/fault-proxy.ts";

/** An upper-casing server behind the proxy, and what a client behind it sees. */
let server: Server;
let served: Socket[];
let proxy: FaultProxy;

beforeEach(async () => {
  served = [];
  server = createServer((socket) => {
    served.push(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => socket.write(bytes.toString().toUpperCase()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy = await openFaultProxy({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
});
afterEach(async () => {
  await proxy.close();
  for (const socket of served) socket.destroy();
  server.close();
});

function openClient() {
  const client = { text: "", closed: "", socket: connect(proxy.port, "127.0.0.1") };
  client.socket.on("data", (bytes) => {
    client.text += String(bytes);
  });
  client.socket.on("error", (error: NodeJS.ErrnoException) => {
    client.closed = error.code ?? "";
  });
  client.socket.on("end", () => {
    client.closed ||= "FIN";
  });
  return client;
}

it("passes bytes both ways, and a FIN", async () => {
  const client = openClient();
  client.socket.end("hello");
  await vi.waitFor(() => expect(client.text).toBe("HELLO"));
  await vi.waitFor(() => expect(client.closed).toBe("FIN"));
  expect(proxy.connectionCount).toBe(0);
});

it("cut resets all that is open, and nothing that comes later", async () => {
  const client = openClient();
  client.socket.write("a");
  await vi.waitFor(() => expect(client.text).toBe("A"));
  proxy.cut();
  await vi.waitFor(() => expect(client.closed).toBe("ECONNRESET"));
  await vi.waitFor(() => expect(served[0]?.destroyed).toBe(true));
  const next = openClient();
  next.socket.write("b");
  await vi.waitFor(() => expect(next.text).toBe("B"));
});

it("refuse resets newcomers and leaves the others", async () => {
  const client = openClient();
  client.socket.write("a");
  await vi.waitFor(() => expect(client.text).toBe("A"));
  proxy.refuse();
  const late = openClient();
  await vi.waitFor(() => expect(late.closed).toBe("ECONNRESET"));
  client.socket.write("b");
  await vi.waitFor(() => expect(client.text).toBe("AB"));
});

it("pause holds bytes, resume passes them; a newcomer waits", async () => {
  const client = openClient();
  client.socket.write("a");
  await vi.waitFor(() => expect(client.text).toBe("A"));
  proxy.pause();
  client.socket.write("b");
  const late = openClient();
  late.socket.write("c");
  // A connection made meanwhile proves that the event loop went round.
  await vi.waitFor(() => expect(proxy.connectionCount).toBe(2));
  expect(client.text).toBe("A");
  proxy.resume();
  await vi.waitFor(() => expect(client.text).toBe("AB"));
  await vi.waitFor(() => expect(late.text).toBe("C"));
});

it("blackhole loses bytes for good", async () => {
  const client = openClient();
  client.socket.write("a");
  await vi.waitFor(() => expect(client.text).toBe("A"));
  proxy.blackhole();
  client.socket.write("lost");
  const late = openClient();
  await vi.waitFor(() => expect(proxy.connectionCount).toBe(2));
  await vi.waitFor(() => expect(client.socket.writableLength).toBe(0));
  // Loopback bytes are there at once; the proxy reads them in the next turn of the event loop.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  proxy.resume();
  await vi.waitFor(() => expect(late.closed).toBe("ECONNRESET"));
  client.socket.write("b");
  await vi.waitFor(() => expect(client.text).toBe("AB"));
});

it("delay is late by its time, in order, also while it changes", async () => {
  const client = openClient();
  client.socket.write("a");
  await vi.waitFor(() => expect(client.text).toBe("A"));
  proxy.delay(60);
  const startedMs = performance.now();
  client.socket.write("b");
  await vi.waitFor(() => expect(client.text).toBe("AB"), { interval: 5 });
  expect(performance.now() - startedMs).toBeGreaterThan(115);
  client.socket.write("c");
  await new Promise((resolve) => setImmediate(resolve));
  proxy.delay(0);
  client.socket.write("d");
  await vi.waitFor(() => expect(client.text).toBe("ABCD"));
});
