import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  endAll,
  findCommand,
  listProcessesOf,
  makeFolder,
  type Owner,
  runSql,
  signalQuietly,
  startOwner,
  until,
} from "../support/embedded-postgres-harness.ts";
import { startZombie } from "../support/embedded-postgres-zombie.ts";

afterEach(endAll);

/** A cluster that was made once and shut down in order, with one committed row; a copy of it is quicker than an initdb. */
let template = "";
beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), "tollgate-template-"));
  const owner = startOwner({ dataDir: template });
  await runSql((await owner.event("open")).databaseUrl, "create table kept as select 1 as n");
  await owner.stop();
});
afterAll(() => rmSync(template, { recursive: true, force: true }));

async function openWithRow(): Promise<{ dataDir: string; owner: Owner; url: string; pid: number }> {
  const dataDir = join(makeFolder(), "data");
  cpSync(template, dataDir, { recursive: true });
  // Node 24 copies a folder without its mode, and PostgreSQL refuses one that others may read.
  for (const folder of [dataDir, join(dataDir, "postgres")]) chmodSync(folder, 0o700);
  const owner = startOwner({ dataDir });
  const { databaseUrl: url, pid } = await owner.event("open");
  await runSql(url, "insert into kept values (2)");
  return { dataDir, owner, url, pid };
}

async function expectRowAfterRestart(dataDir: string): Promise<Owner> {
  const owner = startOwner({ dataDir });
  const { databaseUrl, freshlyInitialised } = await owner.event("open");
  expect(freshlyInitialised).toBe(false);
  expect(await runSql(databaseUrl, "select n from kept order by n")).toEqual([{ n: 1 }, { n: 2 }]);
  return owner;
}

async function expectNoOrphan(dataDir: string): Promise<void> {
  await until(() => listProcessesOf(dataDir).length === 0, 5_000);
  expect(listProcessesOf(dataDir)).toEqual([]);
}

function findTitle(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8");
}

function listShells(dataDir: string): number[] {
  return listProcessesOf(dataDir).filter((pid) => /^(da|ba)?sh$/.test(findCommand(pid)));
}

describe("kill -9 of node", () => {
  it("stops PostgreSQL cleanly, loses nothing and leaves no process", async () => {
    const { dataDir, owner } = await openWithRow();
    await owner.kill();
    await expectNoOrphan(dataDir);
    expect(existsSync(join(dataDir, "postgres", "postmaster.pid"))).toBe(false);
    const next = await expectRowAfterRestart(dataDir);
    await next.stop();
    expect(readFileSync(join(dataDir, "postgres.log"), "utf8")).not.toContain("was not properly shut down");
    await expectNoOrphan(dataDir);
  });

  it("lets the next start come at once, on the same port", async () => {
    const { dataDir, owner, url } = await openWithRow();
    await owner.kill();
    const next = await expectRowAfterRestart(dataDir);
    expect((await next.event("open")).databaseUrl).toBe(url);
    await next.stop();
    await expectNoOrphan(dataDir);
  });

  it("with its watchdog: the orphan is stopped by the next start", async () => {
    const { dataDir, owner, pid, url } = await openWithRow();
    owner.process.kill("SIGSTOP"); // or it would set things right before it dies
    for (const shell of listShells(dataDir)) signalQuietly(shell);
    await owner.kill();
    expect(findCommand(pid)).toBe("postgres");
    const next = await expectRowAfterRestart(dataDir);
    expect((await next.event("log", "left behind")).line).toContain(String(pid));
    expect((await next.event("open")).databaseUrl).toBe(url);
    await next.stop();
    await expectNoOrphan(dataDir);
  });
});

describe("an orphan that recovers from a crash", () => {
  it("is stopped, though PostgreSQL may wait for ever in a fast shutdown", async () => {
    const { dataDir, owner } = await openWithRow();
    owner.process.kill("SIGSTOP");
    for (const shell of listShells(dataDir)) signalQuietly(shell);
    await owner.kill();
    const checkpointer = listProcessesOf(dataDir).find((pid) => findTitle(pid).includes("checkpointer")) ?? 0;
    expect(checkpointer).toBeGreaterThan(0);
    signalQuietly(checkpointer);
    const next = await expectRowAfterRestart(dataDir);
    // By SIGQUIT if it was still at it, else in order; never by waiting for what does not come.
    expect((await next.event("log", "left behind")).line).toMatch(/SIGQUIT|SIGINT/);
    expect(next.events.map((event) => event.line ?? "").join()).not.toContain("SIGKILL");
    await next.stop();
    await expectNoOrphan(dataDir);
  });
});

describe("kill -9 of the postmaster", () => {
  it("is repaired on the same port while node lives, so that clients reconnect", async () => {
    const { dataDir, owner, url, pid } = await openWithRow();
    for (const round of [1, 2]) {
      const current =
        round === 1 ? pid : Number(/pid (\d+)/.exec((await owner.event("log", "again on port")).line)?.[1]);
      signalQuietly(current);
      await until(() => owner.events.filter((e) => e.line?.includes("runs again on port")).length === round, 10_000);
      expect(await runSql(url, "select n from kept order by n")).toEqual([{ n: 1 }, { n: 2 }]);
    }
    expect((await owner.event("log", "ended unexpectedly")).line).toContain("signal 9");
    await owner.stop();
    await expectNoOrphan(dataDir);
  });

  it("also when one of its servers computes on and does not notice", async () => {
    const { dataDir, owner, url, pid } = await openWithRow();
    const busy = runSql(url, "select count(*) from generate_series(1, 1e11::bigint)", 0).catch((error: Error) => error);
    const isBusy = async (): Promise<boolean> =>
      (await runSql(url, "select 1 from pg_stat_activity where query like '%generate_series%' and state = 'active'"))
        .length > 1;
    await expect.poll(isBusy).toBe(true);
    signalQuietly(pid);
    await owner.event("log", "runs again");
    expect(await busy).toBeInstanceOf(Error);
    expect(await runSql(url, "select n from kept order by n")).toEqual([{ n: 1 }, { n: 2 }]);
    await owner.stop();
    await expectNoOrphan(dataDir);
  });

  it("a killed watchdog is replaced, and node stays protected", async () => {
    const { dataDir, owner, url } = await openWithRow();
    for (const shell of listShells(dataDir)) signalQuietly(shell);
    await owner.event("log", "runs again");
    expect(await runSql(url, "select n from kept order by n")).toEqual([{ n: 1 }, { n: 2 }]);
    await owner.kill();
    await expectNoOrphan(dataDir);
  });

  it("together with node loses nothing and leaves no process", async () => {
    const { dataDir, owner, pid } = await openWithRow();
    signalQuietly(pid);
    await owner.kill();
    await expectNoOrphan(dataDir);
    const next = await expectRowAfterRestart(dataDir);
    await next.stop();
    await expectNoOrphan(dataDir);
  });

  it("together with node and every other process of the tree", async () => {
    const { dataDir, owner } = await openWithRow();
    for (const pid of [owner.pid, ...listProcessesOf(dataDir)]) signalQuietly(pid);
    const next = await expectRowAfterRestart(dataDir);
    await next.stop();
    await expectNoOrphan(dataDir);
  });
});

describe("kill -9 during initdb", () => {
  const listDrafts = (dataDir: string): string[] =>
    existsSync(dataDir) ? readdirSync(dataDir).filter((name) => name.startsWith("postgres.initdb-")) : [];
  const isInInitdb = (dataDir: string): boolean =>
    listDrafts(dataDir).some((name) => existsSync(join(dataDir, name, "data", "global", "pg_control")));

  it.each([
    ["of node", false],
    ["of node and its watchdog", true],
  ])("%s: the next start begins anew", async (_title, withWatchdog) => {
    const dataDir = join(makeFolder(), "data");
    const owner = startOwner({ dataDir });
    expect(await until(() => isInInitdb(dataDir), 10_000)).toBe(true);
    owner.process.kill("SIGSTOP"); // or it would tidy up before it dies
    if (withWatchdog) for (const shell of listShells(dataDir)) signalQuietly(shell);
    await owner.kill();
    expect(existsSync(join(dataDir, "postgres"))).toBe(false);
    if (!withWatchdog) await expectNoOrphan(dataDir);
    expect(listDrafts(dataDir)).toHaveLength(1);
    const next = startOwner({ dataDir });
    expect((await next.event("open")).freshlyInitialised).toBe(true);
    expect(listDrafts(dataDir)).toEqual([]);
    await next.stop();
    await expectNoOrphan(dataDir);
  });
});

describe("a stale postmaster.pid", () => {
  it.each(["empty", "a pid that another program has by now", "a zombie"])(
    "%s: the next start disregards it",
    async (kind) => {
      const { dataDir, owner } = await openWithRow();
      const file = join(dataDir, "postgres", "postmaster.pid");
      const lines = readFileSync(file, "utf8").split("\n");
      for (const pid of [owner.pid, ...listProcessesOf(dataDir)]) signalQuietly(pid);
      await owner.kill();
      await expectNoOrphan(dataDir);
      const zombie = await startZombie();
      try {
        lines[0] = String(kind === "a zombie" ? zombie.pid : zombie.parentPid);
        writeFileSync(file, kind === "empty" ? "" : lines.join("\n"));
        const next = await expectRowAfterRestart(dataDir);
        expect(process.kill(zombie.parentPid, 0)).toBe(true);
        await next.stop();
      } finally {
        zombie.end();
      }
      await expectNoOrphan(dataDir);
    },
  );
});
