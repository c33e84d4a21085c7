import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import type { Binaries } from "./binaries.ts";
import { EmbeddedPostgresError } from "./embedded-postgres-error.ts";
import type { Paths } from "./paths.ts";
import { loadSharedBinaries } from "./shared-binaries.ts";

/** As whom PostgreSQL's programs run. They refuse root, and initdb refuses a uid that has no name. */
export interface RunAs {
  readonly name: string;
  /** Words before the program. */
  readonly prefix: readonly string[];
  /** What node itself switches to in the child. */
  readonly credentials: { readonly uid?: number; readonly gid?: number };
  /** The uid that the cluster's files have on this machine. */
  readonly ownerUid: number;
  readonly ownerGid: number;
  /**
   * What to call the folder that the program is started in. A user other than ours need not be able to walk there by its path
   * (below /root, say), but `/proc/self/cwd` always leads there.
   */
  readonly nameFolder: (path: string) => string;
}

/** A way to run PostgreSQL that was tried and works here, with the binaries that it works with. */
export interface Runtime {
  readonly runAs: RunAs;
  readonly binaries: Binaries;
  readonly majorVersion: string;
}

/** The nobody of a user namespace: to the outside it is still us, so that our files stay ours. Costs 5-10 ms to try. */
const NAMESPACE = ["unshare", "-U", "--map-user=65534", "--map-group=65534", "--"];
const CHECK = `test -r "$1/share/postgresql/postgres.bki" && test -w "$2" && exec "$1/bin/postgres" --version`;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";

/**
 * The first of these that works: as ourselves; in a user namespace; as root also as `postgres` or `nobody` by setuid, from a copy
 * of the binaries where that user cannot enter ours.
 * @throws EmbeddedPostgresError when none does, with what the last one said.
 */
export async function findRuntime(
  paths: Paths,
  binaries: Binaries,
  sharedParents: readonly string[] = ["/var/lib/tollgate", tmpdir()],
): Promise<Runtime> {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const own = { credentials: {}, ownerUid: uid, ownerGid: gid, nameFolder: (path: string) => path };
  const problems: string[] = [];
  const tries: RunAs[] = [];
  if (uid !== 0 && hasName()) tries.push({ ...own, name: "this user", prefix: [] });
  if (process.platform === "linux" && tries.length === 0) {
    tries.push({ ...own, name: "a user namespace", prefix: NAMESPACE });
  }
  for (const runAs of tries) {
    const tried = await checkRun(runAs, binaries, paths.dataDir);
    if (tried.majorVersion !== null) return { runAs, binaries, majorVersion: tried.majorVersion };
    problems.push(`${runAs.name}: ${tried.problem}`);
  }
  if (uid === 0 && process.platform === "linux") {
    const runAs = makeSetuid();
    for (const parent of [null, ...sharedParents]) {
      try {
        const used = parent === null ? binaries : loadSharedBinaries(binaries, parent);
        const tried = await checkRun(runAs, used, "/dev/null");
        if (tried.majorVersion !== null) return { runAs, binaries: used, majorVersion: tried.majorVersion };
        problems.push(`${runAs.name} from ${used.native}: ${tried.problem}`);
      } catch (error) {
        problems.push(`${runAs.name}: ${(error as Error).message}`);
      }
    }
  }
  const root = uid === 0 ? "PostgreSQL refuses to run as root and " : "";
  throw new EmbeddedPostgresError(
    `${root}its programs do not run here (${problems.join("; ")}): ${uid === 0 ? "start Tollgate as another user" : "use a glibc-based system and a user with a name"}`,
  );
}

function hasName(): boolean {
  try {
    return userInfo().username !== "";
  } catch {
    return false;
  }
}

function makeSetuid(): RunAs {
  const accounts = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const account = accounts.find(([name]) => name === "postgres") ?? accounts.find(([name]) => name === "nobody");
  const [name = "nobody", , uid = "65534", gid = "65534"] = account ?? [];
  return {
    name: `the user ${name}`,
    prefix: [],
    credentials: { uid: Number(uid), gid: Number(gid) },
    ownerUid: Number(uid),
    ownerGid: Number(gid),
    nameFolder: () => "/proc/self/cwd",
  };
}

function checkRun(
  runAs: RunAs,
  binaries: Binaries,
  writable: string,
): Promise<{ majorVersion: string | null; problem: string }> {
  const [program = "/bin/sh", ...args] = [...runAs.prefix, "/bin/sh", "-c", CHECK, "sh", binaries.native, writable];
  const options = { cwd: "/", env: { PATH, LC_ALL: "C" }, timeout: 10_000, ...runAs.credentials };
  return new Promise((resolve) => {
    try {
      execFile(program, args, options, (error, stdout, stderr) => {
        const majorVersion = /PostgreSQL\D* (\d+)/.exec(stdout)?.[1] ?? null;
        const problem = stderr.trim().split("\n").at(-1) || (error === null ? stdout.trim() : "permission denied");
        resolve({ majorVersion: error === null ? majorVersion : null, problem });
      });
    } catch (error) {
      resolve({ majorVersion: null, problem: (error as Error).message }); // setuid itself was refused
    }
  });
}
