import { type AddressInfo, createServer, type Socket } from "node:net";

/** A place that nobody may call: it tells who came and what was said. */
export interface TrapListener {
  port: number;
  url: string;
  readonly connectionCount: number;
  /** Everything that was sent to it. */
  received(): string;
  close(): Promise<void>;
}

/** Opens a trap on a free port of the loopback address, or of any other; it takes what it is sent and hangs up. */
export async function openTrapListener(host = "127.0.0.1"): Promise<TrapListener> {
  const chunks: Buffer[] = [];
  const sockets = new Set<Socket>();
  let connectionCount = 0;
  const server = createServer((socket) => {
    connectionCount++;
    sockets.add(socket);
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get connectionCount() {
      return connectionCount;
    },
    received: () => Buffer.concat(chunks).toString("latin1"),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
