import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type postgres from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Database, openDatabase } from "../../../db/client.ts";
import { migrateDatabase } from "../../../db/migrate.ts";
import { makeCaller } from "../../../server/admin/router.ts";
import { makeFirstKeys } from "../../../server/keys/first-keys.ts";
import { handleAggregateUsage } from "../../../workers/jobs/aggregate-usage.ts";
import { handleExpireKeys } from "../../../workers/jobs/expire-keys.ts";
import { handleManagePartitions } from "../../../workers/jobs/manage-partitions.ts";
import { handleMergeRollups } from "../../../workers/jobs/merge-rollups.ts";
import { handleVerifyAuditChain } from "../../../workers/jobs/verify-audit-chain.ts";
import type { JobTools } from "../../../workers/registry.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";
import { openTestDatabase, type TestDatabase } from "../../support/test-database.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { makeTestJob, openWorkerHarness, type WorkerHarness } from "../../support/worker-harness.ts";

/** The statements of the manual, with names for this run. */
function readManual(role: string, database: string): { create: string; grants: string } {
  const text = readFileSync(fileURLToPath(new URL("../../../docs/operations.md", import.meta.url)), "utf8");
  const blocks = [...text.matchAll(/^```sql( grants)?\n([\s\S]*?)^```/gm)].map(([, , block = ""]) =>
    block.replaceAll("tollgate_app", role).replace("on database tollgate ", `on database ${database} `),
  );
  const [create = "", grants = ""] = blocks;
  return { create, grants };
}

const role = `app_${randomBytes(6).toString("hex")}`;
let db: TestDatabase;
let appUrl: string;
let app: Database;
let gateway: TestGateway;
let workers: WorkerHarness;
let queueRuns = 0;
const owner = (): postgres.Sql => db.database.sql;

beforeAll(async () => {
  db = await openTestDatabase();
  const url = new URL(db.url);
  const { create, grants } = readManual(role, url.pathname.slice(1));
  await owner().unsafe(create);
  // Partitions that are there before the grants, as at an upgrade.
  await owner()`select open_usage_partition((now() at time zone 'UTC')::date - 9)`;
  for (let times = 0; times < 2; times += 1) await owner().unsafe(grants);
  url.username = role;
  url.password = "CHANGE-ME";
  appUrl = url.href;
  app = openDatabase({ url: appUrl, applicationName: "app" });
  gateway = await openTestGateway({ database: db, databaseUrl: appUrl, listenUrl: appUrl });
  const job = makeTestJob("probe", async () => ({ runs: ++queueRuns }));
  workers = openWorkerHarness({ databaseUrl: appUrl, redisUrl: null }, [job]);
}, 60_000);
afterAll(async () => {
  await workers.stop();
  await gateway.close();
  await app.close();
  await db.close();
});

describe("the product with a role that owns nothing", () => {
  test("is what these tests run with", async () => {
    const [row] = await app.sql<{ role: string; super: boolean; owned: number }[]>`
      select current_user as role, (select rolsuper from pg_roles where rolname = current_user) as super,
        (select count(*)::int from pg_class c join pg_namespace n on n.oid = relnamespace
          where n.nspname = 'public' and pg_get_userbyid(relowner) = current_user) as owned`;
    expect(row).toEqual({ role, super: false, owned: 0 });
  });

  test("starts: the schema is there", async () => {
    expect(await migrateDatabase(appUrl)).toBe(0);
  });

  test("changes keys, and writes the audit log", async () => {
    const context = gateway.context;
    const keys = await makeFirstKeys(gateway.config, app, context.clock);
    expect(keys?.admin).toMatch(/^prod_/);
    const { config, clock, logger } = context;
    const origin = { ip: "", requestId: "" };
    const caller = makeCaller({
      caller: { kind: "system" },
      origin,
      database: app,
      clock,
      config,
      logger,
      randomBytes,
    });
    const made = await caller.keys.create({ name: "Made" });
    await caller.keys.update({ public_id: made.public_id, name: "Changed" });
    await caller.keys.rotate({ public_id: made.public_id });
    await caller.keys.revoke({ public_id: made.public_id });
    const { entries } = await caller.audit.list({ object: made.public_id });
    expect(entries.map(({ action }) => action)).toEqual(["keys.revoke", "keys.rotate", "keys.update", "keys.create"]);
    expect(await caller.audit.verify({})).toMatchObject({ valid: true, entries: 6 });
  });

  test("meters calls, also into a day that has no partition yet", async () => {
    const key = await gateway.makeKey();
    const response = await gateway.call(
      "/v1/chat/completions",
      { model: "echo::any", messages: [{ role: "user", content: "hi" }] },
      key.text,
    );
    expect(response.status).toBe(200);
    await response.text();
    expect(await gateway.listEvents(1)).toHaveLength(1);
  });

  test("runs its jobs: expiry, partitions and retention, the check of the chain, and the queues themselves", async () => {
    const tools: JobTools = {
      context: { ...workers.context, database: app },
      logger: workers.context.logger,
      signal: new AbortController().signal,
      updateProgress: async () => undefined,
    };
    const { publicId } = await gateway.makeKey();
    await owner()`update api_key set expires_at = now() - interval '1 hour' where public_id = ${publicId}`;
    expect(await handleExpireKeys(tools)).toEqual({ expired: 1 });
    const [waiting] = await owner()`select count(*)::int as parts from usage_part where merged_at is null`;
    expect(await handleAggregateUsage(tools)).toMatchObject({ parts: waiting?.parts });
    await owner()`update usage_day_touched set day = (now() at time zone 'UTC')::date - 1`;
    expect(await handleMergeRollups(tools)).toMatchObject({ days: 1 });
    await owner()`insert into usage_part (process, events, first_at, last_at) values ('test', 0, now() - interval '9 days', now() - interval '9 days')`;
    expect(await handleManagePartitions(tools)).toMatchObject({ dropped: 0, kept: 1 });
    await app.sql`update usage_part set merged_at = now() where merged_at is null`;
    expect(await handleManagePartitions(tools)).toMatchObject({ dropped: 1, kept: 0, parts: 1 });
    expect(await handleVerifyAuditChain(tools)).toMatchObject({ broken: 0 });
    await waitUntil(() => queueRuns > 0, "a run of the queue's job", 30_000);
  });
});

describe("audit and ledger tables", () => {
  const tables = async (): Promise<string[]> => {
    const rows = await owner()<{ name: string }[]>`
      select inhrelid::regclass::text as name from pg_inherits where inhparent = 'usage_event'::regclass order by 1 limit 2`;
    return ["audit_entry", "usage_event", ...rows.map(({ name }) => name), "usage_part"];
  };
  const columns: Readonly<Record<string, string>> = { audit_entry: "actor", usage_part: "events" };
  const triggers: Readonly<Record<string, string>> = {
    audit_entry: "audit_entry_append_only",
    usage_part: "usage_part_keep",
  };
  const makeStatements = (table: string): string[] => {
    const column = columns[table] ?? "model";
    return [
      `update ${table} set ${column} = ${column}`,
      `delete from ${table}`,
      `truncate ${table}`,
      `truncate ${table} cascade`,
    ];
  };

  test("the application's role may neither change nor delete, nor take the guards off", async () => {
    expectPostgresLog(/permission denied|must be owner|must be member/);
    let refused = 0;
    const names = await tables();
    expect(names).toHaveLength(5);
    for (const table of names) {
      const guards = [
        `drop table ${table}`,
        `alter table ${table} disable trigger all`,
        `drop trigger ${triggers[table] ?? "usage_event_append_only"} on ${table}`,
      ];
      for (const statement of [...makeStatements(table), ...guards]) {
        await expect(app.sql.unsafe(statement), statement).rejects.toThrow(/permission denied|must be owner/);
        refused += 1;
      }
    }
    for (const statement of [
      "insert into audit_entry select seq + 1000, at, actor, action, object_type, object_id, owner_id, before, after, ip, request_id, previous_hash, hash from audit_entry limit 1",
      "set session_replication_role = 'replica'",
      "create or replace function refuse_change() returns trigger language plpgsql as 'begin return null; end'",
    ]) {
      await expect(app.sql.unsafe(statement), statement).rejects.toThrow(/permission denied|must be owner/);
      refused += 1;
    }
    expect(refused).toBe(5 * 7 + 3);
  });

  test("the owner is stopped too, by triggers, as long as nobody takes them off", async () => {
    expectPostgresLog(/is refused: (its rows are only ever added|its events are still there)/);
    await owner()`insert into usage_part (process, events, first_at, last_at) values ('test', 0, now(), now())`;
    let refused = 0;
    for (const table of await tables()) {
      const rows = await owner().unsafe(`select count(*)::int as count from ${table}`);
      // A row trigger of an empty table has nothing to refuse.
      const isEmpty = rows[0]?.count === 0;
      for (const statement of makeStatements(table)) {
        if (isEmpty && !statement.startsWith("truncate")) continue;
        if (table === "usage_part" && statement.startsWith("update")) continue;
        await expect(owner().unsafe(statement), statement).rejects.toThrow(/is refused: its (rows|events) are/);
        refused += 1;
      }
    }
    await expect(owner()`update usage_part set events = events + 1`).rejects.toThrow("its rows are only ever added");
    expect(refused).toBeGreaterThan(12);
  });

  test("of a batch it may be noted that it was merged", async () => {
    const result = await app.sql`update usage_part set merged_at = now() where merged_at is null`;
    expect(result.count).toBeGreaterThan(0);
  });
});

describe("rows of tenants", () => {
  const guarded = [
    "alert_incident",
    "alert_rule",
    "api_key",
    "api_key_secret",
    "app_account",
    "app_session",
    "app_user",
    "app_verification",
    "audit_entry",
    "webhook",
    "webhook_delivery",
  ] as const;
  /** Where a user's own rows show; the others hold secrets. */
  const ownedBy: Readonly<Record<string, string>> = { api_key: "owner_id", app_user: "id", audit_entry: "owner_id" };
  const owners = ["tenant-a", "tenant-b"] as const;

  beforeAll(async () => {
    for (const id of owners) {
      const { publicId } = await gateway.makeKey();
      await owner()`update api_key set owner_id = ${id} where public_id = ${publicId}`;
      await owner()`insert into app_user (id, name, email) values (${id}, ${id}, ${id})`;
      await owner()`insert into app_account (id, issuer, account_id, provider_id, user_id) values (${id}, '', ${id}, '', ${id})`;
      await owner()`insert into app_session (id, user_id, token, expires_at) values (${id}, ${id}, ${id}, now())`;
      await owner()`insert into app_verification (id, identifier, value, expires_at) values (${id}, '', '', now())`;
      await owner()`
        insert into webhook (id, kind, name, target_sealed, target_shown, created_by) values (${id}, 'slack', '', '', '', '')`;
      await owner()`
        insert into webhook_delivery (id, webhook_id, event, body, created_at, due_at, give_up_at)
        values (${id}, ${id}, '', '', now(), now(), now())`;
      await owner()`insert into alert_rule (id, body, created_by) values (${id}, '{}', '')`;
      await owner()`
        insert into alert_incident (id, rule_id, subject, title, details, level, opened_at, seen_at)
        values (${id}, ${id}, '', '', '{}', 0, now(), now())`;
      await owner()`select insert_audit_entry('test', 'test', 'api_key', ${publicId}, ${id}, null, null, '', '')`;
    }
  });

  async function countRows(sql: postgres.Sql): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const table of guarded) {
      const [row] = await sql.unsafe<{ count: number }[]>(`select count(*)::int as count from ${table}`);
      counts[table] = row?.count ?? Number.NaN;
    }
    return counts;
  }

  /** A connection of the role that says no more than its password. */
  async function withBareConnection<T>(run: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const bare = openDatabase({ url: appUrl, applicationName: "bare", poolMax: 1, isForeign: true });
    try {
      return await run(bare.sql);
    } finally {
      await bare.close();
    }
  }

  test("these are all tables of the product but those of usage, budgets, limit rules, prices and providers", async () => {
    const rows = await owner()<{ name: string; secure: boolean }[]>`
      select relname as name, relrowsecurity as secure from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition order by 1`;
    expect(rows.filter(({ secure }) => secure).map(({ name }) => name)).toEqual(guarded);
    expect(rows.filter(({ secure }) => !secure).map(({ name }) => name)).toEqual([
      "budget_lease",
      "budget_process",
      "budget_window",
      "budget_write_off",
      "job_state",
      "limit_rule",
      "limit_rule_version",
      "model_price",
      "provider_credential",
      "provider_health",
      "rerate_run",
      "usage_adjustment",
      "usage_day",
      "usage_day_key",
      "usage_day_touched",
      "usage_event",
      "usage_hour",
      "usage_hour_dropped",
      "usage_part",
      "usage_refusal",
      "usage_series",
      "usage_unknown_network",
    ]);
  });

  test("a connection that has set no tenant reads none of them, and changes none", async () => {
    const all = await countRows(owner());
    for (const table of guarded) expect([table, all[table]]).toEqual([table, expect.any(Number)]);
    expect(Math.min(...Object.values(all))).toBeGreaterThan(1);
    expect(await countRows(app.sql)).toEqual(all);
    await withBareConnection(async (sql) => {
      for (const tenant of [null, "", "tenant-c", "*x"]) {
        if (tenant !== null) await sql`select set_config('tollgate.tenant', ${tenant}, false)`;
        expect([tenant, Math.max(...Object.values(await countRows(sql)))]).toEqual([tenant, 0]);
        expect((await sql`update api_key set name = 'theirs'`).count).toBe(0);
        expect((await sql`delete from app_user`).count).toBe(0);
      }
    });
    expect(await countRows(owner())).toEqual(all);
  });

  test("one that has set a tenant reads that tenant's, and no digest, password or session", async () => {
    await withBareConnection(async (sql) => {
      for (const id of owners) {
        await sql`select set_config('tollgate.tenant', ${id}, false)`;
        for (const table of guarded) {
          const column = ownedBy[table];
          const rows = await sql.unsafe(`select * from ${table}`);
          expect([table, rows.map((row) => row[column ?? ""])]).toEqual([table, column === undefined ? [] : [id]]);
        }
      }
      await expect(sql`update api_key set owner_id = 'tenant-a'`).rejects.toThrow("row-level security");
    });
    expectPostgresLog(/row-level security/);
  });

  test("the check sees what a table without its policy shows", async () => {
    await owner()`alter table api_key disable row level security`;
    const counts = await withBareConnection(countRows);
    await owner()`alter table api_key enable row level security`;
    expect(Object.entries(counts).flatMap(([table, count]) => (count > 0 ? [table] : []))).toEqual(["api_key"]);
  });
});

test("a role that may not migrate is told what to do", async () => {
  expectPostgresLog(/permission denied/);
  const other = await openTestDatabase();
  try {
    await other.database
      .sql`delete from drizzle.__drizzle_migrations where id = (select max(id) from drizzle.__drizzle_migrations)`;
    const url = new URL(other.url);
    url.username = role;
    url.password = "CHANGE-ME";
    await other.database.sql.unsafe(
      `grant usage on schema drizzle to ${role}; grant select on drizzle.__drizzle_migrations to ${role}`,
    );
    await expect(migrateDatabase(url.href)).rejects.toThrow("Run `tollgate migrate` as the owner.");
  } finally {
    await other.close();
  }
});
