import type { Server } from "node:http";
import { waitFor } from "../platform/backoff.ts";

const lookEveryMs = 50;

/** Takes no more connections, and waits until those that are busy have had their answers, at most `drainMs`. */
export async function closeHttpServer(server: Server, drainMs: number): Promise<void> {
  const deadline = AbortSignal.timeout(drainMs);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const done = new AbortController();
  void closed.then(() => done.abort());
  while (!done.signal.aborted && !deadline.aborted) {
    // A connection whose answer has just ended is idle now; without this it would be kept alive.
    server.closeIdleConnections();
    await waitFor(lookEveryMs, done.signal);
  }
  server.closeAllConnections();
  await closed;
}
