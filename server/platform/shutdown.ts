import { waitFor } from "./backoff.ts";
import type { Logger } from "./logger.ts";

export interface Shutdown {
  /** True from the first signal on: readiness answers 503 before anything else changes. */
  readonly draining: boolean;
  /** Adds a step. Steps run one after the other in the order of their adding, each once, none skipped by a failure. */
  add(name: string, stop: () => Promise<void> | void): void;
  /** Adds a step before all those that are there. */
  addFirst(name: string, stop: () => Promise<void> | void): void;
  /**
   * Runs the steps, then ends the process: 0 when all ended in time, 1 when one failed or the deadline came. The same
   * promise for every call.
   */
  stop(reason: string): Promise<void>;
  /** Removes the signal handlers (tests). */
  close(): void;
}

export interface ShutdownOptions {
  logger: Logger;
  /** For all steps together; 5 s more are given to flush and close. */
  drainMs: number;
  /** Between failing readiness and the first step, so that a load balancer sees it. None after a Ctrl-C: a person waits. */
  noticeMs?: number;
  /** Which signals begin it; SIGTERM and SIGINT unless given. */
  signals?: readonly ("SIGTERM" | "SIGINT")[];
  /** Ends the process; tests record instead. */
  exit?: (code: number) => void;
}

const closingMs = 5_000;
/** A second signal within this is the first one, heard twice. */
const echoMs = 250;
const signalCodes = { SIGTERM: 143, SIGINT: 130 } as const;

/** Listens for the signals. The first one starts the stop, a second one (after a quarter of a second) ends the process at once. */
export function openShutdown(options: ShutdownOptions): Shutdown {
  const { logger } = options;
  const exit = options.exit ?? ((code: number) => process.exit(code));
  const signals = options.signals ?? ["SIGTERM", "SIGINT"];
  const steps: { name: string; stop: () => Promise<void> | void }[] = [];
  let stopping: Promise<void> | null = null;
  let isEchoing = false;

  const run = async (reason: string): Promise<void> => {
    logger.info({ reason, drainMs: options.drainMs }, "Stopping");
    await waitFor(reason === "SIGINT" ? 0 : (options.noticeMs ?? 0));
    const deadline = AbortSignal.timeout(options.drainMs + closingMs);
    let isClean = true;
    for (const { name, stop } of steps) {
      const outcome = await runStep(stop, deadline);
      if (outcome === "done") continue;
      isClean = false;
      if (outcome === "late") logger.error({ step: name }, "A step of the stop did not end in time");
      else logger.error({ step: name, err: outcome }, "A step of the stop failed");
    }
    logger.info({ isClean }, "Stopped");
    logger.flush();
    exit(isClean ? 0 : 1);
  };

  const shutdown: Shutdown = {
    get draining() {
      return stopping !== null;
    },
    add(name, stop) {
      steps.push({ name, stop });
    },
    addFirst(name, stop) {
      steps.unshift({ name, stop });
    },
    stop(reason) {
      stopping ??= run(reason);
      return stopping;
    },
    close() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
  function onSignal(signal: NodeJS.Signals): void {
    if (stopping !== null) {
      // One Ctrl-C comes twice where a runner (npm) passes it on to a process that the terminal has told already.
      if (isEchoing) return;
      logger.warn({ signal }, "A second signal: ending at once");
      logger.flush();
      exit(signal === "SIGINT" ? signalCodes.SIGINT : signalCodes.SIGTERM);
      return;
    }
    isEchoing = true;
    setTimeout(() => {
      isEchoing = false;
    }, echoMs).unref();
    void shutdown.stop(signal);
  }
  for (const signal of signals) process.on(signal, onSignal);
  return shutdown;
}

async function runStep(stop: () => Promise<void> | void, deadline: AbortSignal): Promise<"done" | "late" | Error> {
  // A step is begun even past the deadline: closing a journal at once is better than not at all.
  const late = new AbortController();
  const step = (async (): Promise<"done" | Error> => {
    try {
      await stop();
      return "done";
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      late.abort();
    }
  })();
  const tooLate = waitFor(2 ** 31 - 1, AbortSignal.any([deadline, late.signal])).then(() => "late" as const);
  const first = await Promise.race([step, tooLate]);
  return first === "late" && !deadline.aborted ? step : first;
}
