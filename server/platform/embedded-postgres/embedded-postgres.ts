import { findBinaries } from "./binaries.ts";
import { loadCluster } from "./cluster.ts";
import { type Connection, findConnection, makeDatabaseUrl, updateConnection } from "./connection-file.ts";
import { loadDataFolder } from "./data-folder.ts";
import { loadDatabase } from "./database.ts";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { findFreePort } from "./free-port.ts";
import { findOwner, reserveOwnerLock } from "./owner-lock.ts";
import { makePaths, type Paths } from "./paths.ts";
import { findPostmasterFile } from "./postmaster-file.ts";
import { findProcessIdentity } from "./processes.ts";
import { findRuntime } from "./run-as.ts";
import { type ServerOptions, startServer } from "./server-process.ts";
import { makeSupervisor } from "./supervisor.ts";
import type { WatchedProcess } from "./watchdog.ts";

const PORT_ATTEMPTS = 5;

export interface EmbeddedPostgres {
  /** Valid for the life of this object; holds the password. */
  readonly databaseUrl: string;
  readonly port: number;
  /** Of the postmaster; another one after it was restarted. */
  readonly pid: number;
  readonly dataDir: string;
  /** Whether this call created the cluster. */
  readonly freshlyInitialised: boolean;
  /** Shuts PostgreSQL down and frees the data folder. Resolves when it is gone; may be called more than once. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** The cluster lives in `<dataDir>/postgres`; made (0700) when missing. */
  readonly dataDir: string;
  /** Created when missing; `tollgate` by default. */
  readonly database?: string;
  /** Settings of PostgreSQL over the defaults. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** Hears of what the supervisor does; what PostgreSQL itself writes is in `<dataDir>/postgres.log`. */
  readonly onLog?: (line: string) => void;
  /** Aborts the opening; once open it has no effect. */
  readonly signal?: AbortSignal;
}

/**
 * Runs PostgreSQL on `dataDir` for as long as this process lives: it ends with it, however that ends, and is started again on
 * the same port when it ends alone. It listens on 127.0.0.1 only, on a port that is kept over restarts when still free, and does
 * not keep the event loop alive. What was committed survives `kill -9` of any of the processes, in any combination.
 * @throws EmbeddedPostgresError when it cannot run here, with nothing left running; the signal's reason when it is aborted.
 */
// Measured (2 cores, Node 20.20, as root in a user namespace, this call alone): cold 0.9 s of which initdb is 0.55 s, warm 40-70 ms, stop
// 10-40 ms. On the same machine under a load of 5: cold 1-2.3 s, warm 40-190 ms, stop up to 0.8 s after a cold start.
export async function openEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const paths = makePaths(options.dataDir);
  try {
    return await openAt(paths, options);
  } catch (error) {
    if (options.signal?.aborted || error instanceof EmbeddedPostgresError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new EmbeddedPostgresError(
      `the data folder ${paths.dataDir} cannot be used (${message}): repair it, choose another TOLLGATE_DATA_DIR`,
      {
        cause: error,
      },
    );
  }
}

/**
 * For a CLI beside a running Tollgate: where the living embedded server of this data folder is reached and which process owns it,
 * or null. Starts nothing and writes nothing.
 */
export async function findEmbeddedPostgres(dataDir: string): Promise<{ databaseUrl: string; ownerPid: number } | null> {
  const paths = makePaths(dataDir);
  const ownerPid = findOwner(paths.dataDir);
  const connection = findConnection(paths.connectionFile);
  const file = findPostmasterFile(paths.postmasterFile);
  if (ownerPid === null || connection === null || file === null) return null;
  if (file.status !== "ready" || file.port === null || file.pid === null || findProcessIdentity(file.pid) === null)
    return null;
  return { databaseUrl: makeDatabaseUrl(connection, file.port), ownerPid };
}

async function openAt(paths: Paths, options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { signal, database = "tollgate", onLog = () => {} } = options;
  signal?.throwIfAborted();
  loadDataFolder(paths.dataDir);
  const lock = reserveOwnerLock(paths.dataDir);
  let server: WatchedProcess | null = null;
  try {
    const runtime = await findRuntime(paths, findBinaries());
    const freshlyInitialised = await loadCluster({ paths, runtime, database, signal });
    const stored = findConnection(paths.connectionFile);
    if (stored === null) throw new Error(`${paths.connectionFile} vanished`);
    const serverOptions: ServerOptions = { paths, runtime, parameters: options.parameters ?? {}, onLog };
    const started = await startOnFreePort(serverOptions, stored.port, signal);
    server = started.server;
    const connection: Connection = { ...stored, database, port: started.port };
    await loadDatabase(connection, started.port, freshlyInitialised);
    updateConnection(paths.connectionFile, connection);
    signal?.throwIfAborted();
    const supervisor = makeSupervisor(server, started.port, serverOptions);
    return {
      databaseUrl: makeDatabaseUrl(connection, started.port),
      port: started.port,
      get pid() {
        return supervisor.pid();
      },
      dataDir: paths.dataDir,
      freshlyInitialised,
      async stop() {
        await supervisor.stop();
        lock.release();
      },
    };
  } catch (error) {
    await server?.stop();
    lock.release();
    throw error;
  }
}

/** The port is found free before PostgreSQL takes it; in between somebody else may. */
async function startOnFreePort(
  options: ServerOptions,
  preferred: number | null,
  signal: AbortSignal | undefined,
): Promise<{ server: WatchedProcess; port: number }> {
  let problem = "";
  for (let attempt = 0; attempt < PORT_ATTEMPTS; attempt += 1) {
    const started = await startServer(options, () => findFreePort(attempt === 0 ? preferred : null), signal);
    if (started.kind === "ready") {
      const { server, port } = started;
      if (preferred !== null && port !== preferred)
        options.onLog(`port ${preferred} is taken; PostgreSQL listens on ${port}`);
      return { server, port };
    }
    problem = started.problem;
    if (started.kind === "failed") break;
  }
  throw new EmbeddedPostgresError(`PostgreSQL does not start (${problem}); its log is ${options.paths.log}`);
}
