import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { endClusters, openCluster } from "../support/cluster.ts";
import type { ClusterMember } from "../support/cluster-member.ts";
import { expectPostgresLog } from "../support/postgres-log.ts";
import { findRedisLane } from "../support/redis-server.ts";
import { waitUntil } from "../support/wait-until.ts";

afterEach(endClusters);

const faultMs = 300;

test("whatever is broken under load and healed again, the books are right", async () => {
  const startedMs = performance.now();
  const cluster = await openCluster({ postgres: "private", redis: findRedisLane() });
  console.info(`three gateways and two workers serve after ${Math.round(performance.now() - startedMs)} ms`);
  const { links, redis, postgres, gateways } = cluster;
  const [first, second, third] = gateways as [ClusterMember, ClusterMember, ClusterMember];
  postgres.expectLog(/duplicate key value violates unique constraint "usage_event_\d+_pkey"/);
  const key = await cluster.makeKey();
  const load = cluster.openLoad({ keys: [key.text], concurrency: 12, pauseMs: 100 });

  // Known keys are answered without it.
  const awaitPostgres = () =>
    waitUntil(
      () =>
        cluster.database.sql`select 1`.then(
          () => true,
          () => false,
        ),
      "PostgreSQL is back",
      20_000,
    );
  const faults: readonly (readonly [name: string, breakIt: () => unknown, heal: () => unknown])[] = [
    ["PostgreSQL cut for one", () => first.postgres.cut(), () => undefined],
    ["PostgreSQL down for one", () => second.postgres.down(), () => second.postgres.resume()],
    ["LISTEN silent for one", () => third.postgres.listen.blackhole(), () => third.postgres.listen.resume()],
    ["PostgreSQL slow for all", () => links.postgres.delay(50), () => links.postgres.resume()],
    ["PostgreSQL hung for all", () => links.postgres.pause(), () => links.postgres.resume()],
    ["PostgreSQL crashed", () => postgres.server?.crash("immediate"), awaitPostgres],
    ["PostgreSQL killed", () => postgres.server?.crash("kill"), awaitPostgres],
    ["PostgreSQL stopped", () => postgres.server?.stop(), () => postgres.server?.start()],
    ["Redis emptied", () => redis?.flush(), () => undefined],
    ["Redis down for all", () => links.redis.down(), () => links.redis.resume()],
    ["Redis killed", () => redis?.kill(), () => redis?.start()],
    ["a gateway frozen", () => first.freeze(), () => first.thaw()],
    ["a gateway killed", () => second.kill(), () => second.start()],
  ];
  for (const [, breakIt, heal] of faults) {
    const before = load.answered.length;
    await breakIt();
    await sleep(faultMs);
    await heal();
    await waitUntil(() => load.answered.length > before + 5, "calls are answered again", 20_000);
  }
  const { verdict, statuses } = await cluster.close();
  expect(verdict.dispatched).toBeGreaterThan(100);
  expect(verdict).toMatchObject({ missing: [], duplicate: [], wrong: [] });
  expect([...statuses.keys()].filter((status) => status < 500)).toEqual([200]);
});

test("the check finds a lost journal, a secret in a file, an error in the log of PostgreSQL, and a valid key that is refused", async () => {
  const cluster = await openCluster({ gateways: 1, workers: 0 });
  const [gateway] = cluster.gateways as [ClusterMember];
  const key = await cluster.makeKey();
  const load = cluster.openLoad({ keys: [key.text], concurrency: 8, models: [{ name: "slow", stream: "either" }] });
  await waitUntil(() => load.answered.length > 0 && load.inFlight > 4, "calls under way");
  await gateway.kill();
  rmSync(join(gateway.dataDir, "journal"), { recursive: true });
  await load.stop();
  await gateway.start();

  const division = cluster.database.sql`select 1 / 0`;
  await expect(division).rejects.toThrow("division by zero");
  // Of the check, and not of the run that it is part of.
  expectPostgresLog(/division by zero/);
  const refused = await cluster.call(gateway, { ...key, text: `${key.text.slice(0, -1)}!` }, { model: "slow" });
  expect(refused.status).toBe(401);

  writeFileSync(join(gateway.dataDir, "leak.txt"), `a key: ${key.text}`);

  const closing = cluster.close({ settleMs: 1_000 });
  await expect(closing).rejects.toThrow(/^the run broke its laws:\n[1-9]\d* missing: /);
  await expect(closing).rejects.toThrow("key 0 stands in gateway 0, file /leak.txt (plain)");
  await expect(closing).rejects.toThrow("1 answers of 401 to a valid key");
  await expect(closing).rejects.toThrow(/PostgreSQL logged: .*division by zero/);
});
