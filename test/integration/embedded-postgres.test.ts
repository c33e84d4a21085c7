import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import {
  type EmbeddedPostgres,
  findEmbeddedPostgres,
  openEmbeddedPostgres,
} from "../../server/platform/embedded-postgres/embedded-postgres.ts";
import { EmbeddedPostgresError } from "../../server/platform/embedded-postgres/embedded-postgres-error.ts";
import {
  endAll,
  findCommand,
  listProcessesOf,
  makeFolder,
  runSql,
  startOwner,
  until,
} from "../support/embedded-postgres-harness.ts";

const opened: EmbeddedPostgres[] = [];

async function open(options: Parameters<typeof openEmbeddedPostgres>[0]): Promise<EmbeddedPostgres> {
  const server = await openEmbeddedPostgres(options);
  opened.push(server);
  return server;
}

afterEach(async () => {
  for (const server of opened.splice(0)) await server.stop();
  await endAll();
});

/** The one line that the operator gets. */
async function findRefusal(dataDir: string): Promise<string> {
  const error: unknown = await open({ dataDir }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(EmbeddedPostgresError);
  const { message } = error as EmbeddedPostgresError;
  expect(message).toContain("DATABASE_URL");
  expect(message).not.toContain("\n");
  return message;
}

describe("one owner", () => {
  it("starts cold, then warm on the same port with its data, and stops without a trace", async () => {
    const dataDir = join(makeFolder(), "a folder that is not there", "data");
    const cold = startOwner({ dataDir });
    const first = await cold.event("open");
    expect(first.freshlyInitialised).toBe(true);
    expect(cold.openMs()).toBeLessThan(10_000);
    await runSql(first.databaseUrl, "create table kept as select 1 as n");
    await cold.stop();
    expect(await until(() => listProcessesOf(dataDir).length === 0, 2_000)).toBe(true);

    const warm = startOwner({ dataDir });
    const second = await warm.event("open");
    expect(second).toMatchObject({ freshlyInitialised: false, databaseUrl: first.databaseUrl, port: first.port });
    expect(warm.openMs()).toBeLessThan(3_000);
    expect(await runSql(second.databaseUrl, "select n from kept")).toEqual([{ n: 1 }]);
    const stopAt = performance.now();
    await warm.stop();
    expect(performance.now() - stopAt).toBeLessThan(2_000);
    expect(await until(() => listProcessesOf(dataDir).length === 0, 2_000)).toBe(true);
    console.log(`embedded PostgreSQL: cold ${cold.openMs()} ms, warm ${warm.openMs()} ms`);
  });

  it("is durable, small, local, and takes parameters", async () => {
    const dataDir = makeFolder();
    const { databaseUrl, port } = await open({
      dataDir,
      database: "other-name",
      parameters: { max_connections: "17", port: "1" },
    });
    const settings = await runSql(
      databaseUrl,
      `select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit', 'max_connections',
       'listen_addresses', 'port', 'unix_socket_directories', 'shared_buffers', 'data_checksums') order by name`,
    );
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      data_checksums: "on",
      fsync: "on",
      full_page_writes: "on",
      listen_addresses: "127.0.0.1",
      max_connections: "17",
      port: String(port),
      shared_buffers: "8192",
      synchronous_commit: "on",
      unix_socket_directories: "",
    });
    expect(await runSql(databaseUrl, "select current_database() as name")).toEqual([{ name: "other-name" }]);
    const wrong = databaseUrl.replace(/:[0-9a-f]{48}@/, ":wrong@");
    await expect(runSql(wrong, "select 1")).rejects.toThrow(/password authentication failed/);
    expect(statSync(join(dataDir, "postgres.json")).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, "postgres.log")).mode & 0o777).toBe(0o600);
    await expect(runSql(databaseUrl, "select no_such_column")).rejects.toThrow("no_such_column");
    expect(readFileSync(join(dataDir, "postgres.log"), "utf8")).toMatch(
      /^2.* UTC \[\d+\] ERROR: {2}column "no_such_column"/m,
    );
  });

  it("can be stopped twice, also at once, with clients connected, and opened again", async () => {
    const dataDir = makeFolder();
    const server = await open({ dataDir });
    const waiting = runSql(server.databaseUrl, "select pg_sleep(60)", 0).catch((error: Error) => error);
    const isWaiting = async (): Promise<number> =>
      (await runSql(server.databaseUrl, "select 1 from pg_stat_activity where wait_event = 'PgSleep'")).length;
    await expect.poll(isWaiting).toBe(1);
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    expect(await waiting).toBeInstanceOf(Error);
    expect(await until(() => listProcessesOf(dataDir).length === 0, 2_000)).toBe(true);
    expect((await open({ dataDir })).freshlyInitialised).toBe(false);
  });

  it("can be aborted while it opens, and leaves nothing that hinders the next", async () => {
    const dataDir = makeFolder();
    const abort = new AbortController();
    const opening = open({ dataDir, signal: abort.signal });
    await until(() => readdirSync(dataDir).some((name) => name.startsWith("postgres.initdb-")), 5_000);
    abort.abort(new Error("changed my mind"));
    await expect(opening).rejects.toThrow("changed my mind");
    expect(await until(() => listProcessesOf(dataDir).length === 0, 2_000)).toBe(true);
    expect((await open({ dataDir })).freshlyInitialised).toBe(true);
  });

  it("takes another port when its own is occupied, and says so", async () => {
    const dataDir = makeFolder();
    const first = await open({ dataDir });
    await first.stop();
    const occupier = createServer().listen(first.port, "127.0.0.1");
    try {
      const lines: string[] = [];
      const second = await open({ dataDir, onLog: (line) => lines.push(line) });
      expect(second.port).not.toBe(first.port);
      expect(lines.join()).toContain(`port ${first.port} is taken`);
      expect(await runSql(second.databaseUrl, "select 1 as n")).toEqual([{ n: 1 }]);
    } finally {
      occupier.close();
    }
  });

  it("rotates a log that has grown past 20 MB", async () => {
    const dataDir = makeFolder();
    writeFileSync(join(dataDir, "postgres.log"), "");
    truncateSync(join(dataDir, "postgres.log"), 21 * 1024 * 1024);
    await open({ dataDir });
    expect(statSync(join(dataDir, "postgres.log.1")).size).toBe(21 * 1024 * 1024);
    expect(statSync(join(dataDir, "postgres.log")).size).toBeLessThan(100_000);
  });
});

describe("two owners", () => {
  it("the second is refused with the name of the first, which goes on", async () => {
    const dataDir = makeFolder();
    const first = startOwner({ dataDir });
    const { databaseUrl } = await first.event("open");
    const refusal = await findRefusal(dataDir);
    expect(refusal).toContain(`in use by process ${first.pid} (`);
    expect(refusal).toContain("embedded-postgres-child.js");
    expect(await findEmbeddedPostgres(dataDir)).toEqual({ databaseUrl, ownerPid: first.pid });
    expect(await runSql(databaseUrl, "select 1 as n")).toEqual([{ n: 1 }]);
    await first.stop();
    expect(await findEmbeddedPostgres(dataDir)).toBe(null);
    await open({ dataDir });
    expect(await findRefusal(dataDir)).toContain("in use by this very process");
  });

  it("of several that start at the same moment on a folder whose owner was killed, one wins", async () => {
    const dataDir = makeFolder();
    const killed = startOwner({ dataDir });
    await killed.event("open");
    await killed.kill();
    const all = [1, 2, 3, 4].map(() => startOwner({ dataDir }));
    const outcomes = await Promise.all(all.map((owner) => Promise.any([owner.event("open"), owner.event("error")])));
    expect(outcomes.map((outcome) => outcome.event).sort()).toEqual(["error", "error", "error", "open"]);
    for (const { message } of outcomes.filter((outcome) => outcome.event === "error"))
      expect(message).toContain("is in use by");
    const postmasters = listProcessesOf(dataDir).filter((pid) => findCommand(pid) === "postgres");
    expect(postmasters).toContain(outcomes.find((outcome) => outcome.event === "open")?.pid);
    await all[outcomes.findIndex((outcome) => outcome.event === "open")]?.stop();
  });

  it("findEmbeddedPostgres finds nothing, and makes nothing, where there is nothing", async () => {
    const dataDir = join(makeFolder(), "data");
    expect(await findEmbeddedPostgres(dataDir)).toBe(null);
    expect(existsSync(dataDir)).toBe(false);
  });
});

describe("an unusable data folder", () => {
  it("a file in its place", async () => {
    const file = join(makeFolder(), "data");
    writeFileSync(file, "");
    expect(await findRefusal(file)).toContain(file);
    expect(await findRefusal(join(file, "below"))).toContain("ENOTDIR");
  });

  it("where nothing can be written", async () => {
    expect(await findRefusal("/proc/tollgate")).toContain("/proc/tollgate cannot be used");
  });

  it("a file or other things where the cluster would be", async () => {
    const dataDir = makeFolder();
    writeFileSync(join(dataDir, "postgres"), "");
    expect(await findRefusal(dataDir)).toContain("is not a PostgreSQL cluster");
    rmSync(join(dataDir, "postgres"));
    mkdirSync(join(dataDir, "postgres"));
    writeFileSync(join(dataDir, "postgres", "holiday.jpg"), "");
    expect(await findRefusal(dataDir)).toContain("is not a PostgreSQL cluster");
    rmSync(join(dataDir, "postgres", "holiday.jpg"));
    expect((await open({ dataDir })).freshlyInitialised).toBe(true);
  });

  it("another major version, a lost password, a damaged cluster", async () => {
    const dataDir = makeFolder();
    await (await open({ dataDir })).stop();
    const version = join(dataDir, "postgres", "PG_VERSION");
    writeFileSync(version, "17\n");
    expect(await findRefusal(dataDir)).toContain("was made by PostgreSQL 17 and this is 18");
    writeFileSync(version, "18\n");
    const connection = readFileSync(join(dataDir, "postgres.json"), "utf8");
    writeFileSync(join(dataDir, "postgres.json"), "");
    expect(await findRefusal(dataDir)).toContain("postgres.json, which holds the password");
    writeFileSync(join(dataDir, "postgres.json"), connection.replace(/"[0-9a-f]{48}"/, '"another"'));
    expect(await findRefusal(dataDir)).toContain("password authentication failed");
    writeFileSync(join(dataDir, "postgres.json"), connection);
    truncateSync(join(dataDir, "postgres", "global", "pg_control"), 0);
    expect(await findRefusal(dataDir)).toMatch(/does not start .*pg_control.*postgres\.log/);
    expect(await until(() => listProcessesOf(dataDir).length === 0, 2_000)).toBe(true);
  });
});
