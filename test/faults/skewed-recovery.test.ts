import { existsSync, mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { getJournalOwner } from "../../server/ledger/journal-owner.ts";
import { endClusters, openCluster } from "../support/cluster.ts";
import type { ClusterMember } from "../support/cluster-member.ts";

afterEach(endClusters);

/** A journal of a process that cannot be looked up, in another container on the same volume, which said so long ago that it lives. */
function makeForeignJournal(gateway: ClusterMember, name: string, silentMs: number): string {
  const folder = join(gateway.dataDir, "journal", name);
  mkdirSync(folder, { recursive: true });
  const owner = join(folder, "owner.json");
  writeFileSync(owner, JSON.stringify({ ...getJournalOwner(), pidNamespace: "another" }));
  const seconds = (Date.now() - silentMs) / 1_000;
  utimesSync(owner, seconds, seconds);
  return folder;
}

test("whose journal is taken over is decided by the database's clock, not by a machine's that is 5 minutes off", async () => {
  const cluster = await openCluster({
    gateways: 2,
    workers: 0,
    clocks: [
      { skewMs: 300_000, jumpMs: 0 },
      { skewMs: -300_000, jumpMs: 0 },
    ],
  });
  for (const gateway of cluster.gateways) {
    await gateway.kill();
    const alive = makeForeignJournal(gateway, "alive", 20_000);
    const dead = makeForeignJournal(gateway, "dead", 120_000);
    await gateway.start();
    expect({ alive: existsSync(alive), dead: existsSync(dead) }).toEqual({ alive: true, dead: false });
    rmSync(alive, { recursive: true });
    // Its own says from the start by that clock that it lives.
    const [{ process: name = "" } = {}] = await cluster.database.sql<{ process: string }[]>`
      select process from budget_process where closed_at is null order by started_at desc limit 1`;
    const { mtimeMs } = statSync(join(gateway.dataDir, "journal", name, "owner.json"));
    expect(Math.abs(Date.now() - mtimeMs)).toBeLessThan(60_000);
  }
  await cluster.close();
});
