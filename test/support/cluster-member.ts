import { fileURLToPath } from "node:url";
import { findFreePort } from "../../server/platform/embedded-postgres/free-port.ts";
import { type FaultProxy, openFaultProxy } from "./fault-proxy.ts";
import { joinFaults, type NetworkFaults } from "./joined-faults.ts";
import { openPostgresSplitter } from "./postgres-splitter.ts";
import { findStatus, makeHome, openTollgate, type TollgateProcess } from "./tollgate-process.ts";
import { waitUntil } from "./wait-until.ts";

const skewedClock = fileURLToPath(new URL("./skewed-clock.mjs", import.meta.url));
const startMs = 60_000;

export interface MemberOptions {
  role: "gateway" | "worker";
  /** Text of its `tollgate.toml`. */
  config: string;
  databaseUrl: string;
  redisPort: number | null;
  env: Readonly<Record<string, string>>;
  /** How far its wall clock is off; `null`: it has the machine's. */
  clock: { skewMs: number; jumpMs: number } | null;
}

/** One process of a cluster, on a data folder of its own, behind a network of its own. */
export interface ClusterMember {
  readonly role: "gateway" | "worker";
  readonly url: string;
  readonly dataDir: string;
  /** The process that runs now, or ran last. */
  readonly process: TollgateProcess;
  /** Between it and PostgreSQL; `listen` is the part that hears of changes alone. */
  readonly postgres: NetworkFaults & { readonly listen: FaultProxy };
  readonly redis: NetworkFaults | null;
  /**
   * Starts it on the same folder and port, and waits until it serves. `failpoint` (`NAME` or `NAME:NTH` of
   * server/platform/failpoint.ts) makes it end itself there, which may be before it serves.
   */
  start(options?: { failpoint?: string }): Promise<void>;
  /** `kill -9`; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP, and SIGCONT. */
  freeze(): void;
  thaw(): void;
  /** Moves its wall clock by the `jumpMs` that it was made with, once. */
  jumpClock(): void;
  /** Takes its network away. Its processes and folder go with `endInstallations`. */
  close(): Promise<void>;
}

/** Makes one; it does not run before `start`. */
export async function openMember(options: MemberOptions): Promise<ClusterMember> {
  const target = { host: "127.0.0.1", port: Number(new URL(options.databaseUrl).port) };
  const listen = await openFaultProxy(target);
  const rest = await openFaultProxy(target);
  const splitter = await openPostgresSplitter(options.databaseUrl, { listen: listen.port, rest: rest.port });
  const { redisPort } = options;
  const redis = redisPort === null ? null : await openFaultProxy({ host: "127.0.0.1", port: redisPort });
  const home = makeHome(options.config);
  const port = await findFreePort(null);
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...options.env,
    TOLLGATE_ROLE: options.role,
    DATABASE_URL: splitter.url,
    ...(redis === null ? {} : { REDIS_URL: `redis://127.0.0.1:${redis.port}` }),
    ...(options.clock === null ? {} : makeClockEnv(options.clock)),
  };
  let current: TollgateProcess | null = null;
  const getProcess = (): TollgateProcess => {
    if (current === null) throw new Error("it was not started");
    return current;
  };
  const signal = (name: NodeJS.Signals): void => void process.kill(getProcess().pid, name);

  return {
    role: options.role,
    url,
    dataDir: `${home}/data`,
    get process() {
      return getProcess();
    },
    postgres: { ...joinFaults([listen, rest]), listen },
    redis: redis === null ? null : joinFaults([redis]),
    async start({ failpoint } = {}) {
      const started = await openTollgate({
        home,
        port,
        env: { ...env, ...(failpoint === undefined ? {} : { TOLLGATE_FAILPOINT: failpoint }) },
      });
      current = started;
      const isUp =
        options.role === "worker"
          ? () => started.output().includes("Workers started")
          : async () => (await findStatus(`${url}/readyz`)) === 200;
      await waitUntil(async () => !started.isRunning() || (await isUp()), `a ${options.role} serves`, startMs).catch(
        (error: Error) => {
          throw new Error(`${error.message}\n${started.output().slice(-4_000)}`, { cause: error });
        },
      );
      if (started.isRunning() || failpoint !== undefined) return;
      throw new Error(`a ${options.role} ended before it served:\n${started.output()}`);
    },
    async kill() {
      getProcess().kill("node");
      await getProcess().ended;
    },
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    jumpClock: () => signal("SIGUSR2"),
    async close() {
      await splitter.close();
      for (const proxy of [listen, rest, redis]) await proxy?.close();
    },
  };
}

function makeClockEnv({ skewMs, jumpMs }: { skewMs: number; jumpMs: number }): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${skewedClock}`,
    TEST_CLOCK_SKEW_MS: String(skewMs),
    TEST_CLOCK_JUMP_MS: String(jumpMs),
  };
}
