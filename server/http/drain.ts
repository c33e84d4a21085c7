import type { Server } from "node:http";
import type { Socket } from "node:net";
import { waitFor } from "../platform/backoff.ts";

const lookEveryMs = 50;

/**
 * Watches a server's connections from before it listens, and answers how it is closed: it takes no more connections, and
 * waits until those that are busy have had their answers, at most `drainMs`.
 */
export function makeHttpClose(server: Server): (drainMs: number) => Promise<void> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return async (drainMs) => {
    const deadline = AbortSignal.timeout(drainMs);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    const done = new AbortController();
    void closed.then(() => done.abort());
    while (!done.signal.aborted && !deadline.aborted) {
      // A connection whose answer has just ended is idle now; without this it would be kept alive.
      server.closeIdleConnections();
      await waitFor(lookEveryMs, done.signal);
      // Browsers and load balancers open connections ahead of need. To Node one without a first request is not idle; what
      // was sent on it before the close has been read by now.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    }
    server.closeAllConnections();
    await closed;
  };
}
