import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findAuditProblem } from "../../../db/queries/find-audit-problem.ts";
import { openCheckpointKeeper } from "../../../server/admin/audit/checkpoint-keeper.ts";
import type { AuditCheckpoint } from "../../../server/core/audit-chain.ts";
import { Secret } from "../../../server/core/secret.ts";
import {
  auditCheckpointName,
  loadAuditCheckpoint,
  updateAuditCheckpoint,
} from "../../../server/platform/audit-checkpoint.ts";
import { openLogger } from "../../../server/platform/logger.ts";
import { insertManyEntries, plantAuditFault } from "../../support/audit-chain.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";

const entries = 10_000;
const sealKey = new Secret("s".repeat(48));

let db: TestDatabase;
let dataDir: string;
let checkpoint: AuditCheckpoint;
const sql = (): postgres.Sql => db.database.sql;

beforeAll(async () => {
  db = await openTestDatabase();
  dataDir = mkdtempSync(join(tmpdir(), "tollgate-audit-"));
  await insertManyEntries(sql(), entries);
  const keeper = openKeeper();
  await keeper.close();
  const loaded = loadAuditCheckpoint({ dataDir, sealKey });
  if (typeof loaded === "string") throw new Error(`no checkpoint was kept: ${loaded}`);
  checkpoint = loaded;
  await sql()`create table audit_copy as select * from audit_entry`;
}, 120_000);
afterAll(async () => {
  rmSync(dataDir, { recursive: true, force: true });
  await db.close();
});

let broken = 0;
const errors: string[] = [];
function openKeeper(folder = dataDir) {
  const logger = openLogger(
    { level: "error", pretty: false, access: false },
    { write: (line) => void errors.push(line) },
  );
  const metrics = { observeAuditChain: (intact: boolean) => void (broken += intact ? 0 : 1) };
  return openCheckpointKeeper({
    sql: sql(),
    config: { dataDir: folder, sealKey },
    logger,
    metrics,
    everyMs: 3_600_000,
  });
}

async function restore(): Promise<void> {
  await plantAuditFault(sql(), async (tx) => {
    await tx`truncate audit_entry`;
    await tx`insert into audit_entry select * from audit_copy`;
  });
}

test("the checkpoint is the head, signed, and for its owner's eyes alone", () => {
  expect(checkpoint.seq).toBe(String(entries));
  const path = join(dataDir, auditCheckpointName);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const text = readFileSync(path, "utf8");
  for (const [field, value] of [
    ["seq", "9999"],
    ["hash", "f".repeat(64)],
    ["at", "2020-01-01T00:00:00.000Z"],
  ] as const) {
    writeFileSync(path, JSON.stringify({ ...JSON.parse(text), [field]: value }));
    expect(loadAuditCheckpoint({ dataDir, sealKey })).toBe("forged");
  }
  writeFileSync(path, text);
  expect(loadAuditCheckpoint({ dataDir, sealKey: new Secret("t".repeat(48)) })).toBe("forged");
  expect(loadAuditCheckpoint({ dataDir, sealKey })).toEqual(checkpoint);
});

test("what was written is found whole, in batches", async () => {
  expect(await findAuditProblem(sql(), { checkpoint })).toMatchObject({ problem: null, entries, head: checkpoint });
  expect(await findAuditProblem(sql(), { checkpoint, newOnly: true })).toMatchObject({ problem: null, entries: 1 });
});

type Tx = postgres.TransactionSql;
const columns = ["actor", "action", "object_type", "object_id", "ip", "request_id"] as const;
/** Each is given a row of the chain and the number of a try; `head`: only a checkpoint tells. */
const faults: {
  name: string;
  kind: RegExp;
  head?: true;
  plant: (tx: Tx, seq: number, n: number) => Promise<unknown>;
}[] = [
  {
    name: "edit a text",
    kind: /changed/,
    plant: (tx, seq, n) =>
      tx`update audit_entry set ${tx(columns[n % columns.length] ?? "actor")} = 'x' where seq = ${seq}`,
  },
  {
    name: "edit what was before",
    kind: /changed/,
    plant: (tx, seq) => tx`update audit_entry set before = '{"n":0}' where seq = ${seq}`,
  },
  {
    name: "edit what was after",
    kind: /changed/,
    plant: (tx, seq) => tx`update audit_entry set after = null where seq = ${seq}`,
  },
  {
    name: "edit an owner",
    kind: /changed/,
    plant: (tx, seq) => tx`update audit_entry set owner_id = '' where seq = ${seq}`,
  },
  {
    name: "edit an instant",
    kind: /changed/,
    plant: (tx, seq) => tx`update audit_entry set at = at + interval '1 ms' where seq = ${seq}`,
  },
  {
    name: "edit a hash",
    kind: /changed/,
    plant: (tx, seq) => tx`update audit_entry set hash = sha256('x') where seq = ${seq}`,
  },
  {
    name: "edit a link",
    kind: /unlinked/,
    plant: (tx, seq) => tx`update audit_entry set previous_hash = sha256('x') where seq = ${seq}`,
  },
  { name: "delete", kind: /missing/, plant: (tx, seq) => tx`delete from audit_entry where seq = ${seq}` },
  {
    name: "delete and close the gap",
    kind: /unlinked/,
    plant: async (tx, seq) => {
      await tx`delete from audit_entry where seq = ${seq}`;
      await tx`update audit_entry set seq = -seq where seq > ${seq}`;
      await tx`update audit_entry set seq = -seq - 1 where seq < 0`;
    },
  },
  {
    name: "insert",
    kind: /unlinked|changed/,
    plant: async (tx, seq) => {
      await tx`update audit_entry set seq = -seq where seq > ${seq}`;
      await tx`update audit_entry set seq = -seq + 1 where seq < 0`;
      await tx`insert into audit_entry select seq + 1, at, 'forged', action, object_type, object_id, owner_id, before, after, ip,
        request_id, hash, sha256('forged') from audit_entry where seq = ${seq}`;
    },
  },
  {
    name: "swap",
    kind: /unlinked/,
    plant: async (tx, seq) => {
      await tx`delete from audit_entry where seq in (${seq}, ${seq + 1})`;
      await tx`insert into audit_entry select 2 * ${seq}::bigint + 1 - seq, at, actor, action, object_type, object_id, owner_id, before,
        after, ip, request_id, previous_hash, hash from audit_copy where seq in (${seq}, ${seq + 1})`;
    },
  },
  {
    name: "truncate the tail",
    kind: /cut/,
    head: true,
    plant: (tx, seq) => tx`delete from audit_entry where seq >= ${seq}`,
  },
  { name: "empty the table", kind: /cut/, head: true, plant: (tx) => tx`truncate audit_entry` },
  {
    name: "roll back the table and go on",
    kind: /replaced/,
    head: true,
    plant: async (tx, seq) => {
      await tx`truncate audit_entry`;
      await tx`insert into audit_entry select * from audit_copy where seq < ${seq}`;
      await tx`select insert_audit_entry('forged', 'a', 'b', n::text, null, null, null, '', '') from generate_series(${seq}::int, ${entries + 5}::int) as n`;
    },
  },
];

describe("a fault that somebody planted who may do everything in the database", () => {
  const random = makeSeededRandom();
  let planted = 0;
  for (const { name, kind, head, plant } of faults) {
    test(`is found: ${name}`, async () => {
      const places = head === true ? [2, 5_000, entries] : [1, 2, 4_999, entries - 1];
      for (const [n, place] of [...places, 2 + random.integer(entries - 3)].entries()) {
        await plantAuditFault(sql(), (tx) => plant(tx, place, n));
        const alone = await findAuditProblem(sql(), { checkpoint: null });
        const verdict = await findAuditProblem(sql(), { checkpoint });
        expect(verdict.problem?.kind, `${name} at ${place}, seed ${random.seed}`).toMatch(kind);
        // Without the checkpoint these would go unseen: it is what finds them.
        expect(alone.problem === null).toBe(head === true);
        const distance = head === true ? 0 : Math.abs(Number(verdict.problem?.seq) - place);
        expect(distance).toBeLessThanOrEqual(1);
        await restore();
        planted += 1;
      }
    }, 120_000);
  }
  test("all of them were planted, and what is restored is right", async () => {
    expect(planted).toBe(faults.length * 4 + faults.filter(({ head }) => head !== true).length);
    expect(await findAuditProblem(sql(), { checkpoint })).toMatchObject({ problem: null, entries });
  });
});

test("the checkpoint moves on over what follows on it, and stays where nothing does", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tollgate-audit-"));
  updateAuditCheckpoint({ dataDir: folder, sealKey }, checkpoint);
  await sql()`select insert_audit_entry('system', 'a', 'b', 'c', null, null, null, '', '')`;
  const keeper = openKeeper(folder);
  await keeper.update();
  expect(loadAuditCheckpoint({ dataDir: folder, sealKey })).toMatchObject({ seq: String(entries + 1) });
  expect([broken, errors]).toEqual([0, []]);

  await restore();
  await keeper.close();
  expect(broken).toBeGreaterThan(0);
  expect(errors.join("")).toContain("The audit log is not what was written");
  expect(loadAuditCheckpoint({ dataDir: folder, sealKey })).toMatchObject({ seq: String(entries + 1) });
  rmSync(folder, { recursive: true });
});

test("with the guards in place nobody can plant any of it", async () => {
  expectPostgresLog(/of audit_entry is refused/);
  await expect(sql()`update audit_entry set actor = 'x' where seq = 1`).rejects.toThrow(
    "UPDATE of audit_entry is refused",
  );
  await expect(sql()`delete from audit_entry where seq = 1`).rejects.toThrow("DELETE of audit_entry is refused");
  await expect(sql()`truncate audit_entry`).rejects.toThrow("TRUNCATE of audit_entry is refused");
});
