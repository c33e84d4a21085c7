import { setTimeout as sleep } from "node:timers/promises";
import { type ServerOptions, type ServerStart, startServer } from "./server-process.ts";
import type { WatchedProcess } from "./watchdog.ts";

/** Before each attempt at a restart. When they are used up (about 50 s) the supervisor gives up. */
const RESTART_DELAYS_MS = [0, 100, 250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000, 8_000, 8_000] as const;
/** A server that has run this long is well again: its next end is the first. */
const WELL_AFTER_MS = 60_000;

export interface Supervisor {
  /** Of the server that runs now, or ran last. */
  readonly pid: () => number;
  /** Ends supervision and the server, cleanly. Resolves when it is gone; may be called more than once. */
  stop(): Promise<void>;
}

/** Keeps `first` alive: when it ends without having been told to, it is started again on the same port. */
export function makeSupervisor(first: WatchedProcess, port: number, options: ServerOptions): Supervisor {
  const stopping = new AbortController();
  let server = first;
  let attempts = 0;

  const restart = async (): Promise<boolean> => {
    for (let delayMs = RESTART_DELAYS_MS[attempts]; delayMs !== undefined; delayMs = RESTART_DELAYS_MS[attempts]) {
      attempts += 1;
      await sleep(delayMs, undefined, { signal: stopping.signal });
      const started = await tryStart(options, port, stopping.signal);
      if (started.kind === "ready") {
        server = started.server;
        // stop() has dealt with the server that it knew; this one came up meanwhile.
        if (stopping.signal.aborted) {
          await server.stop();
          return false;
        }
        options.onLog(`PostgreSQL runs again on port ${port} (pid ${server.pid})`);
        return true;
      }
      options.onLog(`PostgreSQL did not start again (attempt ${attempts}): ${started.problem}`);
    }
    options.onLog(`PostgreSQL is down and is not started again after ${attempts} attempts; see ${options.paths.log}`);
    return false;
  };

  const supervise = async (): Promise<void> => {
    for (let isUp = true; isUp; ) {
      const well = setTimeout(() => {
        attempts = 0;
      }, WELL_AFTER_MS).unref();
      const end = await server.ended;
      clearTimeout(well);
      if (stopping.signal.aborted) return;
      options.onLog(`PostgreSQL (pid ${server.pid}) ended unexpectedly (${end}); starting it again`);
      isUp = await restart();
    }
  };

  const supervision = supervise().catch((error: unknown) => {
    if (!stopping.signal.aborted) options.onLog(`the supervision of PostgreSQL failed: ${String(error)}`);
  });
  return {
    pid: () => server.pid,
    async stop() {
      stopping.abort();
      await server.stop();
      await supervision;
    },
  };
}

async function tryStart(options: ServerOptions, port: number, signal: AbortSignal): Promise<ServerStart> {
  try {
    return await startServer(options, () => port, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "failed", problem: String(error) };
  }
}
