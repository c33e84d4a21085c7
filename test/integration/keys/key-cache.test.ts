import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { trustMs } from "../../../server/keys/key-channel.ts";
import { type FaultProxy, openFaultProxy } from "../../support/fault-proxy.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

const body = { model: "echo::x", messages: [{ role: "user", content: "hello" }] };
let database: TestDatabase;
const open: (TestGateway | FaultProxy)[] = [];

beforeAll(async () => {
  database = await openTestDatabase();
});
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close();
});
afterAll(() => database.close());

async function openGateway(options: Parameters<typeof openTestGateway>[0] = {}): Promise<TestGateway> {
  const gateway = await openTestGateway({ database, ...options });
  open.unshift(gateway);
  return gateway;
}

/** A gateway whose every connection to PostgreSQL goes through the proxy. */
async function openBehindProxy(): Promise<{ gateway: TestGateway; proxy: FaultProxy }> {
  const url = new URL(database.url);
  const proxy = await openFaultProxy({ host: url.hostname, port: Number(url.port) });
  open.push(proxy);
  url.port = String(proxy.port);
  return { gateway: await openGateway({ databaseUrl: url.href }), proxy };
}

const status = async (gateway: TestGateway, key: string): Promise<number> => {
  const response = await gateway.call("/v1/chat/completions", body, key);
  await response.arrayBuffer();
  return response.status;
};
const setState = (publicId: string, state: string) =>
  database.database.sql`update api_key set state = ${state}, version = version + 1 where public_id = ${publicId}`;

describe("changes of a key", () => {
  it("are in force within 1 s on two gateways of one database", async () => {
    const first = await openGateway();
    const second = await openGateway({ dataDir: first.dataDir });
    for (let round = 0; round < 10; round++) {
      const { text, publicId } = await first.makeKey();
      expect([await status(first, text), await status(second, text)]).toEqual([200, 200]);
      await setState(publicId, "revoked");
      const revokedAt = performance.now();
      await waitUntil(
        async () => (await status(first, text)) === 401 && (await status(second, text)) === 401,
        "refused",
        1_000,
      );
      expect(performance.now() - revokedAt).toBeLessThan(1_000);
      expect(
        ((await (await first.call("/v1/chat/completions", body, text)).json()) as { error: { code: string } }).error
          .code,
      ).toBe("revoked_api_key");
    }
  });

  it("let a key work at once that was asked for before it existed", async () => {
    const gateway = await openGateway();
    const { text, publicId } = await gateway.makeKey();
    await database.database
      .sql`update api_key_secret set digest = decode(repeat('00', 32), 'hex') where public_id = ${publicId}`;
    await waitUntil(async () => (await status(gateway, text)) === 401, "unknown");
    const { keyCacheLookups } = gateway.context.metrics;
    expect(await status(gateway, text)).toBe(401);
    // The second refusal came from memory.
    expect(gateway.context.metrics.keyCacheLookups).toBe(keyCacheLookups);
    const again = await gateway.makeKey();
    expect(await status(gateway, again.text)).toBe(200);
  });

  it("are in force within 10 s when the notification connection is cut, also silently", async () => {
    expectPostgresLog(/connection to client lost/);
    for (const how of ["blackhole", "refuse"] as const) {
      const url = new URL(database.url);
      const proxy = await openFaultProxy({ host: url.hostname, port: Number(url.port) });
      open.push(proxy);
      url.port = String(proxy.port);
      // Only LISTEN goes through the proxy: look-ups must go on.
      const gateway = await openGateway({ listenUrl: url.href });
      const { text, publicId } = await gateway.makeKey();
      expect(await status(gateway, text)).toBe(200);
      proxy[how]();
      await setState(publicId, "disabled");
      const changedAt = performance.now();
      await waitUntil(async () => (await status(gateway, text)) === 401, `refused after ${how}`, 10_000);
      expect(performance.now() - changedAt).toBeLessThan(10_000);
      proxy.resume();
    }
  });
});

describe("a bulk change", () => {
  it("of 50,000 keys does not keep the gateway from answering", async () => {
    const gateway = await openGateway();
    const known = await gateway.makeKey();
    expect(await status(gateway, known.text)).toBe(200);
    const { sql } = database.database;
    await sql`insert into api_key (public_id, alias, type, permissions, models, created_by)
      select 'bulk' || lpad(n::text, 8, '0'), 'bulk-' || n, 'production', '{}', '{}', 'system' from generate_series(1, 50000) n`;
    const before = gateway.context.metrics.keyCacheInvalidations;
    await sql`update api_key set version = version + 1 where alias like 'bulk-%'`;
    const startedAt = performance.now();
    expect(await status(gateway, known.text)).toBe(200);
    await waitUntil(
      () => gateway.context.metrics.keyCacheInvalidations - before >= 50_000,
      "all were heard of",
      20_000,
    );
    // 0.1 ms for each would be 5 s; they take 3 us each.
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    await sql`delete from api_key where alias like 'bulk-%'`;
  });
});

describe("while PostgreSQL is gone", () => {
  it("known keys are served, unknown ones get 503 and never 401, and all is well when it is back", async () => {
    expectPostgresLog(/connection to client lost/);
    const { gateway, proxy } = await openBehindProxy();
    const known = await gateway.makeKey();
    const unknown = await gateway.makeKey();
    expect(await status(gateway, known.text)).toBe(200);
    proxy.refuse();
    proxy.cut();
    const until = performance.now() + 9_000;
    let calls = 0;
    while (performance.now() < until) {
      expect(await status(gateway, known.text)).toBe(200);
      calls++;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(calls).toBeGreaterThan(50);
    const response = await gateway.call("/v1/chat/completions", body, unknown.text);
    expect(response.status).toBe(503);
    expect(response.headers.get("retry-after")).toBe("1");
    expect(((await response.json()) as { error: { code: string } }).error.code).toBe("store_unavailable");
    proxy.resume();
    await waitUntil(async () => (await status(gateway, unknown.text)) === 200, "served again", 10_000);
    const [row] = await database.database
      .sql`select count(*)::int as n from usage_event where public_id = ${known.publicId}`;
    await waitUntil(
      async () => {
        const [now] = await database.database
          .sql`select count(*)::int as n from usage_event where public_id = ${known.publicId}`;
        return now?.n === calls + 1;
      },
      `${calls + 1} events, ${row?.n} at first`,
    );
  });
});

describe("a connection that is lost", () => {
  it("under a look-up: it is asked again, and nobody is refused", async () => {
    expectPostgresLog(/connection to client lost/);
    const { gateway, proxy } = await openBehindProxy();
    const { text } = await gateway.makeKey();
    const { metrics } = gateway.context;
    const lookups = metrics.keyCacheLookups;
    proxy.blackhole();
    const answer = status(gateway, text);
    await waitUntil(() => metrics.keyCacheLookups > lookups, "it is asked");
    await new Promise((resolve) => setTimeout(resolve, 50));
    proxy.resume();
    proxy.cut();
    expect(await answer).toBe(200);
  });
});

describe("look-ups", () => {
  it("cost one query for an unknown key with a right checksum, and none for malformed ones", async () => {
    const gateway = await openGateway();
    const { text, publicId } = await gateway.makeKey();
    await database.database.sql`delete from api_key where public_id = ${publicId}`;
    await gateway.makeKey();
    const { clock, keyChannel, metrics } = gateway.context;
    // A change of any key makes what was unknown a question again: both above have been heard of when a later beat has.
    const changedAtMs = clock.monotonicMs();
    await waitUntil(() => keyChannel.trustedUntilMs() - trustMs >= changedAtMs, "a beat after the changes");
    const before = metrics.keyCacheLookups;
    for (let index = 0; index < 20; index++) expect(await status(gateway, text)).toBe(401);
    expect(metrics.keyCacheLookups - before).toBe(1);
    for (const malformed of [`${text}x`, text.slice(0, -1), "sk-anything", "prod_", "x".repeat(600)])
      expect(await status(gateway, malformed)).toBe(401);
    expect(metrics.keyCacheLookups - before).toBe(1);
  });

  it("of many keys at once go together", async () => {
    const gateway = await openGateway();
    const keys = await Promise.all(Array.from({ length: 40 }, () => gateway.makeKey()));
    const before = gateway.context.metrics.keyCacheLookups;
    const startedAt = performance.now();
    const answers = await Promise.all(
      keys.flatMap(({ text }) => [status(gateway, text), status(gateway, text), status(gateway, text)]),
    );
    expect(answers.every((answer) => answer === 200)).toBe(true);
    const lookups = gateway.context.metrics.keyCacheLookups - before;
    // Never more than one each 10 ms, and never one for each call.
    expect(lookups).toBeLessThanOrEqual((performance.now() - startedAt) / 10 + 1);
    expect(lookups).toBeLessThanOrEqual(keys.length);
  });
});

describe("last_used_at", () => {
  it("is written at most once a minute and key, over two gateways", async () => {
    const first = await openGateway();
    const second = await openGateway({ dataDir: first.dataDir });
    const { text, publicId } = await first.makeKey();
    const read = async () => {
      const [row] = await database.database.sql<
        { xmin: string; last_used_at: string | null; last_used_ip: string | null }[]
      >`
        select xmin::text, last_used_at, last_used_ip from api_key where public_id = ${publicId}`;
      return row;
    };
    for (let index = 0; index < 50; index++) await Promise.all([status(first, text), status(second, text)]);
    await waitUntil(async () => (await read())?.last_used_at !== null, "last_used_at");
    const written = await read();
    expect(written?.last_used_ip).toBe("127.0.0.1");
    for (let index = 0; index < 50; index++) await Promise.all([status(first, text), status(second, text)]);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(await read()).toEqual(written);
  });
});
