import type { AnyTRPCRouter } from "@trpc/server";
import type postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { insertAuditEntry } from "../../../db/queries/insert-audit-entry.ts";
import { appRouter, makeCaller } from "../../../server/admin/router.ts";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";
import { mutationCases, otherMutations, rowlessMutations } from "../../support/mutation-cases.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";

const types = (appRouter as AnyTRPCRouter)._def.procedures as Record<string, { _def: { type: string } }>;
const mutations = Object.keys(types).filter((name) => types[name]?._def.type === "mutation");

let harness: AdminHarness;
const sql = (): postgres.Sql => harness.test.database.sql;
beforeAll(async () => {
  harness = await openAdminHarness();
});
afterAll(() => harness.close());

async function run(name: string, input: unknown): Promise<unknown> {
  const origin = { ip: "192.0.2.7", requestId: `request of ${name}` };
  const caller = makeCaller({ ...harness.context, origin }) as unknown as Record<string, Record<string, unknown>>;
  const [noun = "", verb = ""] = name.split(".");
  const procedure = caller[noun]?.[verb] as (value: unknown) => Promise<unknown>;
  return await procedure(input);
}

async function listTables(): Promise<string[]> {
  const rows = await sql()<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'audit_entry' order by 1`;
  return rows.map(({ name }) => name);
}

/** Every row of every table. */
async function readAll(): Promise<Record<string, string | null>> {
  const state: Record<string, string | null> = {};
  for (const table of [...(await listTables()), "audit_entry"]) {
    const [row] = await sql()<{ state: string | null }[]>`
      select md5(string_agg(t::text, ',' order by t::text)) as state from ${sql()(table)} t`;
    state[table] = row?.state ?? null;
  }
  return state;
}

interface Entry {
  transaction: string;
  actor: string;
  action: string;
  object_id: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  ip: string;
  request_id: string;
}

async function findHead(): Promise<number> {
  const [row] = await sql()<{ head: number }[]>`select coalesce(max(seq), 0)::int as head from audit_entry`;
  return row?.head ?? 0;
}

async function listEntries(after: number): Promise<Entry[]> {
  return await sql()<Entry[]>`select *, xmin::text as transaction from audit_entry where seq > ${after} order by seq`;
}

/** How many rows, besides those of the audit log, the transaction wrote. */
async function countRowsOf(transaction: string): Promise<number> {
  let count = 0;
  for (const table of await listTables()) {
    const [row] = await sql()<{ count: number }[]>`
      select count(*)::int as count from ${sql()(table)} t where t.xmin::text = ${transaction}`;
    count += row?.count ?? 0;
  }
  return count;
}

/** While `work` runs, no audit entry can be written. */
async function withoutAudit(work: () => Promise<void>): Promise<void> {
  expectPostgresLog(/the audit log is down, for a test/);
  const signature = "insert_audit_entry(text, text, text, text, text, jsonb, jsonb, text, text)";
  const [row] = await sql()<
    { definition: string }[]
  >`select pg_get_functiondef(${signature}::regprocedure) as definition`;
  const definition = row?.definition ?? "";
  const head = definition.slice(0, definition.indexOf("\nAS "));
  await sql().unsafe(`${head} as $x$ begin raise exception 'the audit log is down, for a test'; end $x$`);
  try {
    await work();
  } finally {
    await sql().unsafe(definition);
  }
}

/** No key, no hash of one, and nothing that only its holder knows. */
function expectNoSecret(entry: Entry): void {
  const text = JSON.stringify([entry.before, entry.after]);
  expect(text).not.toMatch(/(dev|prod|client)_[0-9a-z]{12}_[0-9A-Za-z]{48}/);
  expect(text).not.toMatch(/digest|password|token"/);
}

test("every procedure that changes something has a case", () => {
  expect(mutations.length).toBeGreaterThan(5);
  expect(mutations.filter((name) => !(name in mutationCases))).toEqual([]);
  // Nor is there a case of something that is no more, which would then be tested by nobody.
  expect(Object.keys(mutationCases).filter((name) => !mutations.includes(name))).toEqual([]);
});

describe.each(mutations.filter((name) => name in mutationCases))("%s", (name) => {
  test("writes its entry in the transaction of the change", async () => {
    const prepared = await mutationCases[name]?.prepare(harness);
    const head = await findHead();
    await run(name, prepared?.input);
    const entries = await listEntries(head);
    expect(entries.length).toBeGreaterThan(0);
    const ids = entries.map((entry) => entry.object_id).sort();
    expect(ids).toEqual([...(prepared?.objectIds ?? ids)].sort());
    for (const entry of entries) {
      expect(entry).toMatchObject({ action: name, ip: "192.0.2.7", request_id: `request of ${name}` });
      expect(entry.actor).toMatch(/^(system|user:.+|key:.+)$/);
      expect(entry.before ?? entry.after).not.toBeNull();
      expect(entry.before).not.toEqual(entry.after);
      expectNoSecret(entry);
      // What was deleted leaves no row to count.
      const rows = entry.after === null || rowlessMutations.has(name) ? 1 : await countRowsOf(entry.transaction);
      expect(rows).toBeGreaterThan(0);
    }
  });

  test("changes nothing where the entry cannot be written", async () => {
    const prepared = await mutationCases[name]?.prepare(harness);
    const before = await readAll();
    await withoutAudit(async () => {
      await expect(run(name, prepared?.input)).rejects.toThrow(/inside the gateway|failed|wrong|internal|error/i);
    });
    expect(await readAll()).toEqual(before);
    // The same call succeeds once the log is there: it was the log that stopped it.
    await run(name, prepared?.input);
    expect(await readAll()).not.toEqual(before);
  });
});

test("a change beside its entry's transaction would be found", async () => {
  const entry = {
    actor: "a",
    action: "b",
    objectType: "c",
    objectId: "d",
    ownerId: null,
    before: null,
    after: 1,
    ip: "",
    requestId: "",
  };
  const before = await readAll();
  const change = async (): Promise<void> => {
    await sql()`insert into app_verification (id, identifier, value, expires_at) values (gen_random_uuid(), 'x', 'y', now())`;
    await insertAuditEntry(sql(), entry);
  };
  await withoutAudit(async () => {
    await expect(change()).rejects.toThrow("the audit log is down, for a test");
  });
  expect(await readAll()).not.toEqual(before);
  const head = await findHead();
  await change();
  const [written] = await listEntries(head);
  expect(await countRowsOf(written?.transaction ?? "")).toBe(0);
});

describe.each(otherMutations)("$name", ({ action, actor, prepare }) => {
  test("writes its entry in the transaction of the change", async () => {
    const change = await prepare(harness);
    const head = await findHead();
    await change();
    const entries = await listEntries(head);
    expect(entries.length).toBeGreaterThan(0);
    for (const entry of entries) {
      expect(entry).toMatchObject({ action, actor });
      expect(entry.before).not.toEqual(entry.after);
      expectNoSecret(entry);
      expect(await countRowsOf(entry.transaction)).toBeGreaterThan(0);
    }
  });

  test("changes nothing where the entry cannot be written", async () => {
    const change = await prepare(harness);
    const before = await readAll();
    await withoutAudit(async () => {
      await expect(change()).rejects.toThrow("the audit log is down, for a test");
    });
    expect(await readAll()).toEqual(before);
    await change();
    expect(await readAll()).not.toEqual(before);
  });
});
