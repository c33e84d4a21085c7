import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/*
 * Below every system's ephemeral range (Linux 32768, macOS 49152): while the server is down, a client that reconnects to
 * an ephemeral port of its own host can be given that same port as its source, connect to itself and so occupy it.
 */
const LOWEST = 20_000;
const HIGHEST = 32_767;

/** `preferred` when nobody listens on it at 127.0.0.1, else a random port on which nobody does. */
export async function findFreePort(preferred: number | null): Promise<number> {
  if (preferred !== null && (await isFree(preferred))) return preferred;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = randomInt(LOWEST, HIGHEST + 1);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port on 127.0.0.1 between ${LOWEST} and ${HIGHEST}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
