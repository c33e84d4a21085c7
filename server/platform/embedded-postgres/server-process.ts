import { join } from "node:path";
import { releaseOrphans } from "./orphans.ts";
import type { Paths } from "./paths.ts";
import { findPostmasterFile } from "./postmaster-file.ts";
import type { Runtime } from "./run-as.ts";
import { openServerLog } from "./server-log.ts";
import { makeServerArguments } from "./server-parameters.ts";
import { waitFor } from "./wait-for.ts";
import { startWatchedProcess, type WatchedProcess } from "./watchdog.ts";

/** After a crash PostgreSQL replays at most max_wal_size (512 MB) before it is ready. */
const READY_TIMEOUT_MS = 120_000;

export interface ServerOptions {
  readonly paths: Paths;
  readonly runtime: Runtime;
  readonly parameters: Readonly<Record<string, string>>;
  readonly onLog: (line: string) => void;
}

/** A server that accepts connections, or why it does not. */
export type ServerStart =
  | { readonly kind: "ready"; readonly server: WatchedProcess; readonly port: number }
  | { readonly kind: "port_taken" | "failed"; readonly problem: string };

/**
 * Starts PostgreSQL on the cluster, after everything that an earlier run left has ended, and waits until it accepts connections.
 * Nothing of it is left running unless the answer is "ready".
 * @throws EmbeddedPostgresError when an orphan cannot be stopped; the signal's reason when it is aborted.
 */
export async function startServer(
  options: ServerOptions,
  findPort: () => number | Promise<number>,
  signal?: AbortSignal,
): Promise<ServerStart> {
  const { paths, runtime } = options;
  const stalePid = await releaseOrphans(paths, options.onLog, signal);
  const port = await findPort(); // only now: an orphan may have held it
  const log = openServerLog(paths.log);
  try {
    const server = await startWatchedProcess({
      command: [
        join(runtime.binaries.native, "bin", "postgres"),
        ...["-D", runtime.runAs.nameFolder(paths.cluster)],
        ...makeServerArguments(port, options.parameters),
      ],
      cwd: paths.cluster,
      runAs: runtime.runAs,
      outputFd: log.fd,
      atEnd: "fast",
      // PostgreSQL takes the pid in a lock file for alive if anything lives there, save this one (miscinit.c, CreateLockFile).
      ...(stalePid === null ? {} : { env: { PG_GRANDPARENT_PID: String(stalePid) } }),
    });
    try {
      const outcome = await waitFor(() => (isReady(paths, server.pid) ? "ready" : server.end()), {
        timeoutMs: READY_TIMEOUT_MS,
        everyMs: 5,
        signal,
      });
      if (outcome === "ready" && server.end() === null) {
        server.handleReady();
        return { kind: "ready", server, port };
      }
      await server.stop();
      const why = outcome === null ? `it was not ready after ${READY_TIMEOUT_MS / 1000} s` : `it ended with ${outcome}`;
      const kind = /could not create any TCP\/IP sockets|could not bind/.test(log.read()) ? "port_taken" : "failed";
      return { kind, problem: `${why}: ${log.findFailure()}` };
    } catch (error) {
      await server.stop();
      throw error;
    }
  } finally {
    log.close();
  }
}

/** Whether this very server accepts connections; the file of an earlier one is still there at first. */
function isReady(paths: Paths, pid: number): boolean {
  const file = findPostmasterFile(paths.postmasterFile);
  return file?.status === "ready" && file.pid === pid;
}
