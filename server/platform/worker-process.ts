import { type ChildProcess, fork } from "node:child_process";
import { makeBackoff } from "./backoff.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import type { WorkerMessage } from "./worker-message.ts";

export interface WorkerProcess {
  isUp(): boolean;
  /** Asks the workers to end, and waits until they have. */
  stop(): Promise<void>;
}

/**
 * Runs the workers in a process of their own, so that a job never takes time from a request. It ends with this one,
 * however that ends (its channel closes), and is started again when it ends alone.
 *
 * @param entry path of the child's module.
 * @param args its command line (`--config-file`).
 */
export function openWorkerProcess(
  entry: string,
  args: readonly string[],
  deps: { logger: Logger; metrics: Metrics },
): WorkerProcess {
  const { logger, metrics } = deps;
  const backoff = makeBackoff({ minMs: 250, maxMs: 10_000 });
  const stopping = new AbortController();
  let child: ChildProcess | null = null;
  let up = false;
  let ended: Promise<void> = Promise.resolve();

  const start = (): void => {
    const started = fork(entry, [...args], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    child = started;
    started.on("message", (message: WorkerMessage) => {
      if (message.kind === "job") metrics.observeJob(message.observation);
      else if (message.kind === "advice") metrics.observeKeyAdvice(message.counts);
      else if (message.kind === "leases") metrics.observeSilentLeases(message.silent);
      else if (message.kind === "books") metrics.observeBookDifferences(message.found);
      else if (message.kind === "rollups") metrics.observeRollupLag(message.lag);
      else if (message.kind === "audit") metrics.observeAuditChain(message.intact);
      else if (message.kind === "up") up = message.up;
      else {
        up = true;
        backoff.reset();
      }
    });
    started.on("error", (error) => logger.error({ err: error }, "the workers' process failed"));
    ended = new Promise((resolve) => {
      started.on("exit", (code, signal) => {
        up = false;
        child = null;
        resolve();
        if (stopping.signal.aborted) return;
        logger.warn({ code, signal }, "the workers' process ended; it is started again");
        void backoff.wait(stopping.signal).then(() => {
          if (!stopping.signal.aborted) start();
        });
      });
    });
  };
  start();
  return {
    isUp: () => up,
    async stop() {
      stopping.abort();
      child?.kill("SIGTERM");
      await ended;
    },
  };
}
