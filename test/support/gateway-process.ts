import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBuiltProgram } from "./built-program.ts";
import { openStatementTap, type StatementTap } from "./statement-tap.ts";
import { openTestDatabase, type TestDatabase } from "./test-database.ts";
import { waitUntil } from "./wait-until.ts";

/** How a process fares since it was last reset. */
export interface ProcessMeasures {
  rssBytes: number;
  cpuMs: number;
  loopDelayP999Ms: number;
  loopDelayMaxMs: number;
  /** Names of everything on the built-in prototypes, which no request may change. */
  prototypeNames: string[];
}

export interface GatewayProcess {
  url: string;
  port: number;
  /** Shown once at the first start. */
  adminKey: string;
  database: TestDatabase;
  tap: StatementTap;
  dataDir: string;
  /** Secrets that the process was given in its environment. */
  secrets: Readonly<Record<string, string>>;
  /** Standard output and error so far. */
  output(): string;
  readonly pid: number;
  isRunning(): boolean;
  /** Collects garbage and starts measuring anew. */
  reset(): Promise<ProcessMeasures>;
  measure(): Promise<ProcessMeasures>;
  /** Every route that Express was given, like `GET /openapi.json`, with the path that its own router has. */
  listRoutes(): Promise<string[]>;
  /** Makes a key through the admin API. */
  makeKey(properties?: Record<string, unknown>): Promise<{ text: string; publicId: string }>;
  /** A call to any route, JSON in, with the key as bearer unless it is `null`. */
  call(method: string, path: string, key: string | null, body?: unknown): Promise<Response>;
  close(): Promise<void>;
}

export interface GatewayProcessOptions {
  /** Text of `tollgate.toml`. */
  config?: string;
  env?: Record<string, string>;
  /** False: what it writes after its banner is thrown away, for tests of a hundred thousand requests. */
  keepOutput?: boolean;
}

const entry = findBuiltProgram("gateway-child");

/** Starts the whole gateway (inference, admin, operations; no workers) in a process of its own over a database of its own. */
export async function openGatewayProcess(options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
  const database = await openTestDatabase();
  const tap = await openStatementTap(database.url);
  const dataDir = mkdtempSync(join(tmpdir(), "tollgate-test-"));
  const configFile = join(dataDir, "tollgate.toml");
  writeFileSync(configFile, options.config ?? "");
  const secrets = {
    TOLLGATE_PEPPER: randomBytes(36).toString("base64"),
    TOLLGATE_SEAL_KEY: randomBytes(36).toString("base64"),
    TOLLGATE_SESSION_SECRET: randomBytes(36).toString("base64"),
  };
  const child = fork(entry, [], {
    // As the program is started.
    execArgv: ["--max-semi-space-size=32", "--expose-gc"],
    env: {
      PATH: process.env.PATH ?? "",
      HOST: "127.0.0.1",
      PORT: "0",
      DATABASE_URL: tap.url,
      TOLLGATE_ROLE: "gateway",
      TOLLGATE_DATA_DIR: dataDir,
      TOLLGATE_CONFIG: configFile,
      ...secrets,
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const chunks: Buffer[] = [];
  let keepOutput = true;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      if (keepOutput) chunks.push(chunk);
    });
  }
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const isRunning = (): boolean => child.exitCode === null && child.signalCode === null;
  const output = (): string => Buffer.concat(chunks).toString();

  const close = async (): Promise<void> => {
    if (isRunning()) child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await exited;
    clearTimeout(timer);
    await tap.close();
    await database.close();
    rmSync(dataDir, { recursive: true, force: true });
  };
  const ask = <Answer>(question: "reset" | "measure" | "routes"): Promise<Answer> =>
    new Promise((resolve, reject) => {
      child.once("message", (answer) => resolve(answer as Answer));
      child.send(question, (error) => {
        if (error !== null) reject(error);
      });
    });
  try {
    await waitUntil(() => !isRunning() || /Admin key: \S+/.test(output()), "the gateway's banner", 30_000);
    const url = /Gateway\s+(http:\S+)\/v1/.exec(output())?.[1];
    const adminKey = /Admin key: (\S+)/.exec(output())?.[1];
    if (url === undefined || adminKey === undefined) throw new Error(`the gateway did not start:\n${output()}`);
    keepOutput = options.keepOutput ?? true;
    const call: GatewayProcess["call"] = (method, path, key, body) =>
      fetch(url + path, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      });
    return {
      url,
      port: Number(new URL(url).port),
      adminKey,
      database,
      tap,
      dataDir,
      secrets,
      output,
      pid: child.pid ?? 0,
      isRunning,
      reset: () => ask("reset"),
      measure: () => ask("measure"),
      listRoutes: () => ask("routes"),
      async makeKey(properties = {}) {
        const response = await call("POST", "/admin/api-keys", adminKey, properties);
        const made = (await response.json()) as { api_key: string; public_id: string };
        if (response.status !== 201) throw new Error(`no key was made: ${JSON.stringify(made)}`);
        return { text: made.api_key, publicId: made.public_id };
      },
      call,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
