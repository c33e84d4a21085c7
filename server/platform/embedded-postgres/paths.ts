import { join, resolve } from "node:path";

/** Where everything of the embedded server lives inside the data folder. All are absolute. */
export interface Paths {
  readonly dataDir: string;
  /** The cluster itself (PGDATA). It appears by a rename, so that it is either complete or not there. */
  readonly cluster: string;
  readonly postmasterFile: string;
  readonly connectionFile: string;
  readonly log: string;
}

/** Folders in which initdb works carry this prefix; one that is left over was abandoned and may be deleted. */
export const INITDB_PREFIX = "postgres.initdb-";

export function makePaths(dataDir: string): Paths {
  const root = resolve(dataDir);
  return {
    dataDir: root,
    cluster: join(root, "postgres"),
    postmasterFile: join(root, "postgres", "postmaster.pid"),
    connectionFile: join(root, "postgres.json"),
    log: join(root, "postgres.log"),
  };
}
