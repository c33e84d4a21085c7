import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import type { InsertApiKeyOptions, NewApiKey } from "../../db/queries/insert-api-key.ts";
import { type Context, openContext } from "../../server/context.ts";
import { makeHttpServer } from "../../server/http/server.ts";
import { type Config, loadConfig } from "../../server/platform/config.ts";
import { openLogger } from "../../server/platform/logger.ts";
import { makeHotRoutes, makeInferenceRouter } from "../../server/proxy/router.ts";
import { insertTestKey, type TestKey } from "./insert-test-key.ts";
import { openTestDatabase, type TestDatabase } from "./test-database.ts";
import { waitUntil } from "./wait-until.ts";

export interface TestGateway {
  /** Scheme, host and port. */
  url: string;
  config: Config;
  context: Context;
  database: TestDatabase;
  dataDir: string;
  logLines: string[];
  makeKey(properties?: Partial<NewApiKey>, options?: InsertApiKeyOptions): Promise<TestKey>;
  /** A call to the inference API. */
  call(path: string, body: unknown, key: string, init?: RequestInit): Promise<Response>;
  /** All events, oldest first, once at least `count` are in PostgreSQL. */
  listEvents(count: number): Promise<StoredEvent[]>;
  close(): Promise<void>;
}

export interface StoredEvent {
  id: string;
  public_id: string;
  model: string;
  provider: string;
  endpoint: string;
  status: number;
  code: string;
  stream: boolean;
  attempts: number;
  usage_source: string;
  cost_nano_usd: string | null;
  reserved_nano_usd: string;
  price_id: string;
  input_tokens: string;
  cached_input_tokens: string;
  cache_write_tokens: string;
  hour_cache_write_tokens: string;
  reasoning_tokens: string;
  output_tokens: string;
  bytes_in: string;
  bytes_out: string;
  key_tags: Record<string, string> | null;
  request_tags: Record<string, string> | null;
  first_token_ms: number | null;
  client_ip: string;
}

export interface TestGatewayOptions {
  /** Text of `tollgate.toml`, or what makes it once its folder is there. */
  config?: string | ((folder: string) => string);
  database?: TestDatabase;
  dataDir?: string;
  /** What the gateway connects to instead of the database itself (a fault proxy). */
  databaseUrl?: string;
  /** Of a Redis that gateways share. */
  redisUrl?: string;
  /** The same for LISTEN alone. */
  listenUrl?: string;
  /** Variables that the config file names. */
  env?: Record<string, string>;
}

/** A model whose provider is at `upstreamUrl`, priced at 1 and 2 USD per million tokens. */
export function makeModelConfig(upstreamUrl: string, name = "gpt-test", more = ""): string {
  return `
[models."${name}"]
routing = ["up"]
[models."${name}".providers.up]
type = "openai_compatible"
api_base = "${upstreamUrl}/v1"
api_key_location = "none"
${more}
[prices."${name}"]
input_usd_per_million = 1
output_usd_per_million = 2
`;
}

/** The inference API over a real database, in this process: everything but the command line and the workers. */
export async function openTestGateway(options: TestGatewayOptions = {}): Promise<TestGateway> {
  const database = options.database ?? (await openTestDatabase());
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "tollgate-test-"));
  const configFile = join(dataDir, "tollgate.toml");
  const text = typeof options.config === "function" ? options.config(dataDir) : options.config;
  writeFileSync(configFile, text ?? "");
  const config = loadConfig({
    env: {
      TOLLGATE_DATA_DIR: dataDir,
      ...options.env,
      ...(options.redisUrl === undefined ? {} : { REDIS_URL: options.redisUrl }),
    },
    configFile,
  });
  const logLines: string[] = [];
  const logger = openLogger({ ...config.log, level: "debug", pretty: false }, { write: (line) => logLines.push(line) });
  const context = await openContext({
    config,
    logger,
    databaseUrl: options.databaseUrl ?? database.url,
    ...(options.listenUrl === undefined ? {} : { listenUrl: options.listenUrl }),
  });
  const app = express();
  app.use(makeInferenceRouter(context.proxy));
  const server = makeHttpServer(app, makeHotRoutes(context.proxy));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    config,
    context,
    database,
    dataDir,
    logLines,
    makeKey: (properties, insertOptions) => insertTestKey(database.database.sql, config, properties, insertOptions),
    call: (path, body, key, init = {}) =>
      fetch(`${url}${path}`, {
        method: "POST",
        ...init,
        headers: {
          "content-type": "application/json",
          authorization: `Bearer ${key}`,
          ...(init.headers as Record<string, string>),
        },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    async listEvents(count) {
      const { sql } = database.database;
      await waitUntil(
        async () => Number((await sql`select count(*) as n from usage_event`)[0]?.n) >= count,
        `${count} events`,
      );
      return sql<StoredEvent[]>`select * from usage_event order by at, id`;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await context.close();
      if (options.database === undefined) await database.close();
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
