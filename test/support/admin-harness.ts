import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { findKeysByDigest } from "../../db/queries/find-keys-by-digest.ts";
import { makeAdminRouter } from "../../server/admin/admin-router.ts";
import type { AdminContext } from "../../server/admin/context.ts";
import { makeCaller } from "../../server/admin/router.ts";
import type { ApiKey } from "../../server/core/api-key.ts";
import { makeRefusal } from "../../server/core/error.ts";
import { isExpired } from "../../server/core/expiry.ts";
import { defaultKeyPrefixes } from "../../server/core/key-format.ts";
import { permissionCatalogue } from "../../server/core/permission.ts";
import { Secret } from "../../server/core/secret.ts";
import { makeKeyDigest } from "../../server/keys/key-digest.ts";
import { openClock } from "../../server/platform/clock.ts";
import type { Config } from "../../server/platform/config.ts";
import { ConfigReloader } from "../../server/platform/config-reloader.ts";
import { parsePlans } from "../../server/platform/config-users.ts";
import { openLogger } from "../../server/platform/logger.ts";
import { openTestDatabase, type TestDatabase } from "./test-database.ts";

const pepper = { version: 1, value: new Secret("p".repeat(48)) };

/** One for all: each listens for the end of the process. */
const logger = openLogger({ level: "silent", pretty: false, access: false });

/** Only what the admin room reads of a config is filled with sense. */
function makeAdminConfig(keys: Partial<Config["keys"]> = {}): Config {
  return {
    role: "all",
    host: "127.0.0.1",
    port: 0,
    dataDir: "",
    databaseUrl: null,
    redisUrl: null,
    peppers: [pepper],
    sealKey: new Secret("s".repeat(48)),
    sealKeys: [{ version: 1, value: new Secret("s".repeat(48)) }],
    sessionSecret: new Secret("t".repeat(48)),
    leakSecret: new Secret("l".repeat(48)),
    configHash: "",
    configFile: { path: null, from: null, sections: [] },
    log: { level: "silent", pretty: false, access: false },
    gateway: {
      authEnabled: true,
      bodyBytesMax: 1,
      responseBytesMax: 1,
      sseEventBytesMax: 1,
      drainMs: 1,
      graceMs: 1,
      outputTokensDefault: 1,
      trustedProxies: [],
    },
    keys: {
      prefixes: defaultKeyPrefixes,
      expiryDaysDefault: 90,
      expiryDaysMax: 365,
      allowNoExpiry: false,
      cacheEntriesMax: 1,
      ...keys,
    },
    permissions: permissionCatalogue,
    journal: { flushIntervalMs: 1, batchEventsMax: 1, pendingEventsMax: 1, segmentBytesMax: 1 },
    limits: { budgetExceededStatus: 429, budgetSurplus: true },
    usage: { rawDays: 1, hourDays: 400, partitionDaysAhead: 1 },
    egress: { allow: [] },
    smtp: null,
    auth: {
      baseUrl: null,
      signUp: "open",
      sessionIdleMs: 1_800_000,
      sessionAbsoluteMs: 43_200_000,
      attemptsPerMinuteMax: 1_000,
      google: null,
    },
    rateLimiting: { enabled: true, trustRequestTags: false, rules: [] },
    budgets: [],
    plans: parsePlans({ value: undefined, path: ["plans"] }, []),
    models: new Map(),
    notes: [],
    functions: new Map(),
    shorthands: new Map(),
    prices: new Map(),
  };
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
  text: string;
}

export interface AdminHarness {
  test: TestDatabase;
  url: string;
  context: AdminContext;
  /** Procedures as the CLI calls them. */
  system: ReturnType<typeof makeCaller>;
  /** A key's plaintext and public id, made by the system. */
  makeKey(
    input?: Parameters<ReturnType<typeof makeCaller>["keys"]["create"]>[0],
  ): Promise<{ text: string; id: string }>;
  /** One REST call; `key` goes into `Authorization`. */
  send(
    method: string,
    path: string,
    key: string | null,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  close(): Promise<void>;
}

/**
 * The admin surface alone, over HTTP, on a database of its own. `keepsCallers`: a key that was let in once is not looked
 * up again, for tests that send by the hundred thousand.
 */
export async function openAdminHarness(
  keys: Partial<Config["keys"]> = {},
  { keepsCallers = false }: { keepsCallers?: boolean } = {},
): Promise<AdminHarness> {
  const test = await openTestDatabase();
  const kept = new Map<string, ApiKey>();
  const config = makeAdminConfig(keys);
  const context: AdminContext = {
    caller: { kind: "system" },
    origin: { ip: "", requestId: "" },
    database: test.database,
    clock: openClock(),
    config,
    logger,
    randomBytes,
    gateway: {
      process: "test",
      reloader: new ConfigReloader({
        config,
        load: () => ({ ...config, configHash: `${config.configHash}x` }),
        onApplied: () => undefined,
        clock: openClock(),
        logger,
      }),
    },
    // There is no provider behind this surface.
    probeProvider: async () => ({ status: 200, message: "the provider answered 200", latencyMs: 1.5 }),
  };
  const { caller: _caller, origin: _origin, ...shared } = context;
  const app = express();
  app.use(
    makeAdminRouter({
      ...shared,
      version: "0.0.0",
      noticeRefusal: () => undefined,
      async authenticate(req) {
        const text = req.headers.authorization?.replace(/^Bearer /, "");
        if (text === undefined) return { ok: false, refusal: makeRefusal("missing_api_key") };
        const known = kept.get(text);
        if (known !== undefined) return { ok: true, key: known };
        const [found] = await findKeysByDigest(test.database.sql, [makeKeyDigest(text, pepper).toString("hex")]);
        if (found === undefined) return { ok: false, refusal: makeRefusal("invalid_api_key") };
        if (found.key.state !== "active" || isExpired(found.key.expiresAt, context.clock.nowMs())) {
          return { ok: false, refusal: makeRefusal("revoked_api_key") };
        }
        if (keepsCallers) kept.set(text, found.key);
        return { ok: true, key: found.key };
      },
    }),
  );
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const system = makeCaller(context);
  return {
    test,
    url,
    context,
    system,
    async makeKey(input = {}) {
      const made = await system.keys.create(input);
      if (made.api_key === null) throw new Error("a new key has a plaintext");
      return { text: made.api_key, id: made.public_id };
    },
    async send(method, path, key, body, headers = {}) {
      const response = await fetch(url + path, {
        method,
        headers: {
          ...(key === null ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: isJson(response) ? parseObject(text) : {},
      };
    },
    async close() {
      await closeServer(server);
      await test.close();
    },
  };
}

function isJson(response: Response): boolean {
  return response.headers.get("content-type")?.startsWith("application/json") === true;
}

function parseObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw new Error(`not an object: ${text}`);
  return { ...value };
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
