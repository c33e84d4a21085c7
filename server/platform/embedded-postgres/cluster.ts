import { existsSync, lchownSync, lstatSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findConnection } from "./connection-file.ts";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import { insertCluster } from "./initdb.ts";
import { INITDB_PREFIX, type Paths } from "./paths.ts";
import { listProcessesIn } from "./processes.ts";
import type { Runtime } from "./run-as.ts";
import { waitFor } from "./wait-for.ts";

/**
 * Makes sure that there is a complete cluster which our PostgreSQL can run, creating it when there is none. Interrupted at any
 * moment, the next call starts from what it finds. Only the owner of the data folder may call it.
 * @returns whether it was created by this call.
 * @throws EmbeddedPostgresError when what is there cannot be used.
 */
export async function loadCluster(options: {
  paths: Paths;
  runtime: Runtime;
  database: string;
  signal?: AbortSignal | undefined;
}): Promise<boolean> {
  const { paths, runtime } = options;
  await deleteAbandoned(paths.dataDir);
  const isNew = !existsSync(paths.cluster) || isEmptyFolder(paths.cluster);
  if (isNew) await insertCluster(options);
  else checkVersion(paths.cluster, runtime.majorVersion);
  if (findConnection(paths.connectionFile) === null) {
    throw new EmbeddedPostgresError(
      `${paths.connectionFile}, which holds the password of ${paths.cluster}, is missing or broken: restore it, or move both away to begin anew`,
    );
  }
  updateOwner(paths.cluster, runtime);
  return isNew;
}

/** An initdb that was killed leaves its folder, and one whose watchdog was killed too may even still work in it. */
async function deleteAbandoned(dataDir: string): Promise<void> {
  for (const name of readdirSync(dataDir).filter((entry) => entry.startsWith(INITDB_PREFIX))) {
    const folder = join(dataDir, name);
    const ended = await waitFor(
      () => {
        const pids = listProcessesIn(folder);
        for (const pid of pids) endNow(pid);
        return pids.length === 0;
      },
      { timeoutMs: 5_000 },
    );
    if (ended === null) throw new EmbeddedPostgresError(`an initdb still works in ${folder} and cannot be ended`);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function checkVersion(cluster: string, ours: string): void {
  let theirs: string;
  try {
    theirs = readFileSync(join(cluster, "PG_VERSION"), "utf8").trim();
  } catch (error) {
    throw new EmbeddedPostgresError(`${cluster} is not a PostgreSQL cluster that this user can read: move it away`, {
      cause: error,
    });
  }
  if (theirs !== ours) {
    throw new EmbeddedPostgresError(
      `${cluster} was made by PostgreSQL ${theirs} and this is ${ours}: run the Tollgate that made it and dump the data, or move the folder away`,
    );
  }
}

/** PostgreSQL refuses a folder that is not its own; root may have run it as somebody else the last time. */
function updateOwner(cluster: string, runtime: Runtime): void {
  const { ownerUid, ownerGid } = runtime.runAs;
  const found = lstatSync(cluster);
  if (!found.isDirectory()) throw new EmbeddedPostgresError(`${cluster} is not a folder: move it away`);
  if (found.uid === ownerUid) return;
  if (process.getuid?.() !== 0) {
    throw new EmbeddedPostgresError(
      `${cluster} belongs to uid ${found.uid} and this is uid ${ownerUid}: start as that user`,
    );
  }
  // The top last: were this interrupted, the next start would see the old owner there and do it again.
  for (const entry of readdirSync(cluster, { recursive: true, encoding: "utf8" })) {
    lchownSync(join(cluster, entry), ownerUid, ownerGid);
  }
  lchownSync(cluster, ownerUid, ownerGid);
}

function isEmptyFolder(path: string): boolean {
  return lstatSync(path).isDirectory() && readdirSync(path).length === 0;
}

function endNow(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone already, or not ours: then it is still listed, and the wait ends in an error.
  }
}
