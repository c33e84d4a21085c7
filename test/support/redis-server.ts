import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort } from "../../server/platform/embedded-postgres/free-port.ts";
import { findOnPath } from "./find-on-path.ts";
import { recordSkip } from "./skip-ledger.ts";

/** A real `redis-server` of a test's own, in memory only. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** `kill -9`; everything in it is lost. */
  kill(): Promise<void>;
  /** `FLUSHALL`; everything in it is lost, and its clients notice nothing. */
  flush(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Whether the tests that need Redis run here. Without a `redis-server` they are skipped and the run says so; with
 * `REQUIRE_REDIS=1` its absence is a failure.
 */
export function findRedisLane(): boolean {
  if (findOnPath("redis-server") !== null) return true;
  if (process.env.REQUIRE_REDIS === "1") throw new Error("REQUIRE_REDIS=1, but there is no redis-server on PATH");
  recordSkip("redis", "no redis-server on PATH");
  return false;
}

/** @param dir where `SAVE` writes `dump.rdb`, uncompressed, so that it can be searched. */
export async function openRedisServer(dir = "."): Promise<RedisServer> {
  const program = findOnPath("redis-server");
  if (program === null) throw new Error("there is no redis-server on PATH; ask findRedisLane first");
  const port = await findFreePort(null);
  let child = await spawnServer(program, port, dir);
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid ?? 0;
    },
    kill,
    async flush() {
      const reply = await ask(port, "FLUSHALL");
      if (!reply.startsWith("+OK")) throw new Error(`redis-server answered ${reply}`);
    },
    async start() {
      child = await spawnServer(program, port, dir);
    },
    stop: kill,
  };
}

async function spawnServer(program: string, port: number, dir: string): Promise<ChildProcess> {
  const settings = ["--port", String(port), "--bind", "127.0.0.1", "--save", ""];
  const memory = ["--appendonly", "no", "--maxmemory-policy", "noeviction"];
  const child = spawn(program, [...settings, ...memory, "--dir", dir, "--rdbcompression", "no"], { stdio: "ignore" });
  // A test run that is killed must not leave it behind.
  const endWithRun = (): void => void child.kill("SIGKILL");
  process.once("exit", endWithRun);
  child.once("exit", () => process.off("exit", endWithRun));
  for (let attempt = 0; attempt < 250; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
    if (await isAnswering(port)) return child;
    await sleep(20);
  }
  child.kill("SIGKILL");
  throw new Error(`redis-server does not answer on port ${port}`);
}

async function isAnswering(port: number): Promise<boolean> {
  try {
    return (await ask(port, "PING")).startsWith("+PONG");
  } catch {
    return false;
  }
}

async function ask(port: number, command: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    socket.write(`${command}\r\n`);
    const [reply] = await once(socket, "data");
    return String(reply);
  } finally {
    socket.destroy();
  }
}
