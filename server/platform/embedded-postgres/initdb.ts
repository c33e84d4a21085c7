import {
  chownSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { makePassword, SUPERUSER, updateConnection } from "./connection-file.ts";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { INITDB_PREFIX, type Paths } from "./paths.ts";
import type { Runtime } from "./run-as.ts";
import { openServerLog } from "./server-log.ts";
import { waitFor } from "./wait-for.ts";
import { startWatchedProcess } from "./watchdog.ts";

const INITDB_TIMEOUT_MS = 120_000;

/**
 * Creates the cluster and its password: in a folder of another name, which is renamed when all is on disk. Killed at any moment it
 * leaves at most such a folder, never half a cluster.
 * @throws EmbeddedPostgresError with what initdb said; the signal's reason when it is aborted.
 */
export async function insertCluster(options: {
  paths: Paths;
  runtime: Runtime;
  database: string;
  signal?: AbortSignal | undefined;
}): Promise<void> {
  const { paths } = options;
  const draft = mkdtempSync(join(paths.dataDir, INITDB_PREFIX));
  try {
    const password = makePassword();
    await runInitdb({ ...options, draft, password });
    // The password first: a cluster whose password nobody knows would be of no use.
    updateConnection(paths.connectionFile, { password, port: null, database: options.database });
    renameSync(join(draft, "data"), paths.cluster);
    syncFolder(paths.dataDir);
  } finally {
    rmSync(draft, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function runInitdb(options: {
  paths: Paths;
  runtime: Runtime;
  draft: string;
  password: string;
  signal?: AbortSignal | undefined;
}): Promise<void> {
  const { paths, runtime, draft } = options;
  const { runAs } = runtime;
  const data = join(draft, "data");
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(join(draft, "password"), `${options.password}\n`, { mode: 0o600 });
  if (runAs.credentials.uid !== undefined) {
    for (const path of [draft, join(draft, "password"), data]) chownSync(path, runAs.ownerUid, runAs.ownerGid);
  }
  const log = openServerLog(paths.log);
  try {
    const initdb = await startWatchedProcess({
      command: [
        join(runtime.binaries.native, "bin", "initdb"),
        ...["-D", runAs.nameFolder(data), "--pwfile=../password", `--username=${SUPERUSER}`],
        ...["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"],
        // PostgreSQL's own Unicode tables: the same order and case rules on every system, whatever locales it has.
        ...["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"],
      ],
      cwd: data,
      runAs,
      outputFd: log.fd,
      atEnd: "kill",
    });
    try {
      await waitFor(initdb.end, { timeoutMs: INITDB_TIMEOUT_MS, signal: options.signal });
    } finally {
      await initdb.stop();
    }
    if (initdb.end() !== "exit 0") {
      throw new EmbeddedPostgresError(`initdb failed in ${paths.dataDir} (${initdb.end()}): ${log.findFailure()}`);
    }
  } finally {
    log.close();
  }
}

/** A rename is durable once the folder that holds the name is. */
function syncFolder(path: string): void {
  const fd = openSync(path, "r");
  fsyncSync(fd);
  closeSync(fd);
}
