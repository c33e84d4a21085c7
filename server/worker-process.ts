import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { makeBackoff } from "./platform/backoff.ts";
import type { Logger } from "./platform/logger.ts";
import type { Metrics } from "./platform/metrics.ts";
import type { WorkerMessage } from "./platform/worker-message.ts";

export interface WorkerProcess {
  isUp(): boolean;
  /** Asks the workers to end, and waits until they have. */
  stop(): Promise<void>;
}

/** In the source tree and in a build alike. */
function findEntry(): string {
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`../workers/main.${ending}`, import.meta.url));
}

/**
 * Runs the workers in a process of their own, so that a job never takes time from a request. It ends with this one,
 * however that ends (its channel closes), and is started again when it ends alone.
 *
 * @param args command line of the child (`--config-file`).
 */
export function openWorkerProcess(args: readonly string[], deps: { logger: Logger; metrics: Metrics }): WorkerProcess {
  const { logger, metrics } = deps;
  const backoff = makeBackoff({ minMs: 250, maxMs: 10_000 });
  const stopping = new AbortController();
  let child: ChildProcess | null = null;
  let up = false;
  let ended: Promise<void> = Promise.resolve();

  const start = (): void => {
    const started = fork(findEntry(), [...args], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    child = started;
    started.on("message", (message: WorkerMessage) => {
      if (message.kind === "job") metrics.observeJob(message.observation);
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
