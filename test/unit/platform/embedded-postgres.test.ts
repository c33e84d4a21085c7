import { spawn } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findBinaries, insertMissingLinks } from "../../../server/platform/embedded-postgres/binaries.ts";
import {
  findConnection,
  makeDatabaseUrl,
  makePassword,
  updateConnection,
} from "../../../server/platform/embedded-postgres/connection-file.ts";
import { loadDataFolder } from "../../../server/platform/embedded-postgres/data-folder.ts";
import { EmbeddedPostgresError } from "../../../server/platform/embedded-postgres/embedded-postgres-error.ts";
import { findFreePort } from "../../../server/platform/embedded-postgres/free-port.ts";
import { findOwner, reserveOwnerLock } from "../../../server/platform/embedded-postgres/owner-lock.ts";
import { parsePostmasterFile } from "../../../server/platform/embedded-postgres/postmaster-file.ts";
import {
  findCommandLine,
  findProcessIdentity,
  listProcessesIn,
} from "../../../server/platform/embedded-postgres/processes.ts";
import { openServerLog } from "../../../server/platform/embedded-postgres/server-log.ts";
import { makeServerArguments } from "../../../server/platform/embedded-postgres/server-parameters.ts";
import { waitFor } from "../../../server/platform/embedded-postgres/wait-for.ts";
import { startZombie } from "../../support/embedded-postgres-zombie.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-unit-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A pid that was a process a moment ago. */
async function makeDeadPid(): Promise<number> {
  const child = spawn("true");
  await new Promise((resolve) => child.once("exit", resolve));
  return child.pid ?? 0;
}

describe("EmbeddedPostgresError", () => {
  it("is one line that names DATABASE_URL", () => {
    const { message } = new EmbeddedPostgresError("it is\n  broken: repair it. ");
    expect(message).toBe(
      "Embedded PostgreSQL: it is broken: repair it; or set DATABASE_URL to use a PostgreSQL of your own.",
    );
  });
});

describe("findBinaries", () => {
  it("finds PostgreSQL for this machine with its version", () => {
    const { native, packageVersion } = findBinaries();
    expect(existsSync(join(native, "bin", "postgres"))).toBe(true);
    expect(packageVersion).toMatch(/^\d+\.\d+/);
  });

  it.each([
    ["win32", "x64"],
    ["linux", "riscv64"],
  ])("refuses %s-%s by name", (platform, arch) => {
    expect(() => findBinaries(platform, arch)).toThrow(
      new RegExp(`no @embedded-postgres/${platform}-${arch} here.*DATABASE_URL`),
    );
  });

  it("makes the links that are missing and leaves those that are there", () => {
    mkdirSync(join(folder, "native", "lib"), { recursive: true });
    writeFileSync(join(folder, "native", "lib", "liba.so.1.2"), "a");
    const links = ["liba.so", "liba.so.1"].map((name) => ({
      source: "native/lib/liba.so.1.2",
      target: `native/lib/${name}`,
    }));
    writeFileSync(join(folder, "native", "pg-symlinks.json"), JSON.stringify(links));
    insertMissingLinks(folder, "a-package");
    const first = lstatSync(join(folder, "native", "lib", "liba.so")).ino;
    rmSync(join(folder, "native", "lib", "liba.so.1"));
    insertMissingLinks(folder, "a-package");
    expect(lstatSync(join(folder, "native", "lib", "liba.so")).ino).toBe(first);
    expect(readFileSync(join(folder, "native", "lib", "liba.so.1"), "utf8")).toBe("a");
  });
});

describe("parsePostmasterFile", () => {
  it("reads pid, port and status", () => {
    const lines = ["77", "/data", "1700000000", "21112", "", "127.0.0.1", "  123 456", "ready   ", ""];
    expect(parsePostmasterFile(lines.join("\n"))).toEqual({ pid: 77, port: 21112, status: "ready" });
    lines[7] = "starting";
    expect(parsePostmasterFile(lines.join("\n")).status).toBe("starting");
  });

  it.each(["", "\n", "garbage\n/data\n", "-5\n"])("gives no pid for %j", (text) => {
    expect(parsePostmasterFile(text)).toEqual({ pid: null, port: null, status: "" });
  });
});

describe("the connection file", () => {
  it("keeps what was stored, for the owner only", () => {
    const file = join(folder, "postgres.json");
    const connection = { password: makePassword(), port: 21112, database: "a b" };
    expect(findConnection(file)).toBe(null);
    updateConnection(file, { ...connection, port: null });
    updateConnection(file, connection);
    expect(findConnection(file)).toEqual(connection);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(makeDatabaseUrl(connection, 21112)).toBe(`postgres://tollgate:${connection.password}@127.0.0.1:21112/a%20b`);
    expect(makePassword()).not.toBe(connection.password);
  });

  it.each(["", "{", "null", "{}", '{"password":"","database":"d"}'])("is none when it holds %j", (text) => {
    writeFileSync(join(folder, "postgres.json"), text);
    expect(findConnection(join(folder, "postgres.json"))).toBe(null);
  });
});

describe("processes", () => {
  it("tells a living process from a dead one and from a zombie", async () => {
    expect(findProcessIdentity(process.pid)).toBe(findProcessIdentity(process.pid));
    expect(findProcessIdentity(await makeDeadPid())).toBe(null);
    expect(findProcessIdentity(0)).toBe(null);
    const zombie = await startZombie();
    try {
      expect(findProcessIdentity(zombie.pid)).toBe(null);
      expect(findProcessIdentity(zombie.parentPid)).not.toBe(null);
    } finally {
      zombie.end();
    }
  });

  it("lists who works in a folder", async () => {
    const child = spawn("sleep", ["60", ...(process.platform === "linux" ? [] : [folder])], { cwd: folder });
    try {
      expect(await waitFor(() => listProcessesIn(folder, "sleep")[0], { timeoutMs: 5_000 })).toBe(child.pid);
      expect(listProcessesIn(folder, "postgres")).toEqual([]);
      expect(listProcessesIn(join(folder, "below"))).toEqual([]);
      expect(findCommandLine(child.pid ?? 0)).toContain("sleep 60");
    } finally {
      child.kill("SIGKILL");
    }
  });
});

describe("reserveOwnerLock", () => {
  it("lets in one at a time, again after a release, and leaves one file", () => {
    const lock = reserveOwnerLock(folder);
    expect(findOwner(folder)).toBe(process.pid);
    expect(() => reserveOwnerLock(folder)).toThrow(/in use by this very process.*TOLLGATE_DATA_DIR.*DATABASE_URL/);
    lock.release();
    lock.release();
    expect(findOwner(folder)).toBe(null);
    const next = reserveOwnerLock(folder);
    lock.release(); // of a lock that is no longer its own
    expect(findOwner(folder)).toBe(process.pid);
    expect(readdirSync(folder)).toEqual(["postgres.owner.2"]);
    next.release();
  });

  it.each([
    ["a dead process", async () => ({ pid: await makeDeadPid(), identity: "boot/1" })],
    ["an earlier process of the same pid", async () => ({ pid: process.pid, identity: "another-boot/1" })],
    ["nothing that can be read", async () => "half a"],
  ])("takes over from %s", async (_title, makeHeld) => {
    const held = await makeHeld();
    writeFileSync(join(folder, "postgres.owner.41"), typeof held === "string" ? held : JSON.stringify(held));
    expect(findOwner(folder)).toBe(null);
    const lock = reserveOwnerLock(folder);
    expect(readdirSync(folder)).toEqual(["postgres.owner.42"]);
    lock.release();
  });

  it("survives the deletion of the folder", () => {
    const lock = reserveOwnerLock(folder);
    rmSync(folder, { recursive: true });
    lock.release();
    expect(findOwner(folder)).toBe(null);
  });
});

describe("findFreePort", () => {
  it("gives the preferred port when it is free and another below the ephemeral range when not", async () => {
    const occupier = createServer();
    const port = await new Promise<number>((resolve) =>
      occupier.listen(0, "127.0.0.1", () => resolve((occupier.address() as { port: number }).port)),
    );
    const other = await findFreePort(port);
    expect(other).toBeGreaterThanOrEqual(20_000);
    expect(other).toBeLessThan(32_768);
    await new Promise((resolve) => occupier.close(resolve));
    expect(await findFreePort(port)).toBe(port);
  });
});

describe("openServerLog", () => {
  it("reads what this run wrote and finds why it failed", () => {
    const file = join(folder, "postgres.log");
    writeFileSync(file, "2026-01-01 UTC [1] FATAL:  an old one\n");
    const log = openServerLog(file);
    expect(log.findFailure()).toBe("it said nothing");
    writeFileSync(log.fd, "2026-01-01 UTC [2] FATAL:  could not do it\n2026-01-01 UTC [2] LOG:  shut down\n");
    expect(log.read()).not.toContain("an old one");
    expect(log.findFailure()).toBe("FATAL:  could not do it");
    log.close();
  });

  it("moves a log aside that is larger than allowed", () => {
    const file = join(folder, "postgres.log");
    writeFileSync(file, "x".repeat(11));
    openServerLog(file, 11).close();
    expect(existsSync(`${file}.1`)).toBe(false);
    openServerLog(file, 10).close();
    expect(statSync(file).size).toBe(0);
    expect(statSync(`${file}.1`).size).toBe(11);
  });
});

describe("makeServerArguments", () => {
  it("lets everything be set but where the server listens", () => {
    const text = makeServerArguments(21112, { work_mem: "9MB", listen_addresses: "*", port: "1" }).join(" ");
    expect(text).toContain("-c work_mem=9MB");
    expect(text).toContain("-c fsync=on");
    expect(text).toContain("-c listen_addresses=127.0.0.1");
    expect(text).toContain("-c port=21112");
    expect(text).not.toContain("*");
  });
});

describe("waitFor", () => {
  it("gives what it waited for, null when time is up, and throws when aborted", async () => {
    let asked = 0;
    expect(await waitFor(() => (asked++ === 3 ? "now" : null), { timeoutMs: 5_000, everyMs: 1 })).toBe("now");
    expect(await waitFor(() => false, { timeoutMs: 20, everyMs: 1 })).toBe(null);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(waitFor(() => true, { timeoutMs: 20, signal })).rejects.toThrow("enough");
  });
});

describe("loadDataFolder", () => {
  it("makes folders for the owner only, and comes back from where none can be made", () => {
    loadDataFolder(join(folder, "a", "b"));
    loadDataFolder(join(folder, "a", "b"));
    expect(statSync(join(folder, "a", "b")).mode & 0o777).toBe(0o700);
    writeFileSync(join(folder, "file"), "");
    expect(() => loadDataFolder(join(folder, "file"))).toThrow("ENOTDIR");
    expect(() => loadDataFolder(join(folder, "file", "below"))).toThrow("ENOTDIR");
    expect(() => loadDataFolder("/proc/no/such")).toThrow(/ENOENT|EROFS|EACCES/);
  });
});
