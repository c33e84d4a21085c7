import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KeyFilter } from "../../db/queries/key-filter.ts";
import { type KeyPosition, listApiKeys } from "../../db/queries/list-api-keys.ts";
import { type AdminHarness, openAdminHarness } from "../support/admin-harness.ts";
import { listSequentialScans, openExplainedSql } from "../support/explained-sql.ts";
import { expectPostgresLog } from "../support/postgres-log.ts";
import { makeSeededRandom } from "../support/seeded-random.ts";

/** BARS.md C2 and C3: lists of very many keys. */
const rows = process.env.TEST_TIER === "full" ? 1_000_000 : 100_000;

let admin: AdminHarness;
let root: string;

beforeAll(async () => {
  admin = await openAdminHarness();
  root = (await admin.makeKey({ permissions: ["*"] })).text;
  const { sql } = admin.test.database;
  await sql.begin(async (transaction) => {
    // A notification for each of the rows would be heard by nobody.
    await transaction`set local session_replication_role = replica`;
    await transaction`
      insert into api_key (public_id, alias, name, description, type, state, permissions, models, tags, owner_id, created_at,
        expires_at, created_by)
      select lpad(to_hex(n), 12, 'z'), 'alias-' || n,
        case n when 7 then '100%' when 8 then 'snake_case' when 9 then 'back\\slash' when 10 then '%_\\%_\\' else 'Name ' || n end,
        case when n % 3 = 0 then repeat('what it is for ', 8) end,
        (array['development', 'production', 'production', 'client'])[1 + n % 4],
        case when n = 11 then 'revoked' when n % 50 = 0 then 'disabled' else 'active' end,
        '{ai:inference}', '{*}', jsonb_build_object('customer', 'c' || n % 1000, 'env', 'live'),
        case when n % 2 = 0 then 'owner-' || n % 100 end, now() - make_interval(secs => n),
        now() + interval '30 days', 'system'
      from generate_series(1, ${rows}::int) n`;
  });
  await sql`vacuum analyze api_key`;
}, 300_000);
afterAll(() => admin.close());

async function takeMs(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

function findMedian(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function listAll(filter: KeyFilter): Promise<{ names: (string | null)[]; pages: number }> {
  const names: (string | null)[] = [];
  let after: KeyPosition | null = null;
  let pages = 0;
  do {
    const page = await listApiKeys(admin.test.database.sql, filter, { after, limit: 200 });
    names.push(...page.keys.map(({ name }) => name));
    after = page.next;
    pages++;
  } while (after !== null);
  return { names, pages };
}

describe(`search in ${rows} keys`, () => {
  it("a wildcard is a character: it finds what holds it, on whatever page", async () => {
    for (const [text, names] of [
      ["%", ["100%", "%_\\%_\\"]],
      ["0%", ["100%"]],
      ["e_c", ["snake_case"]],
      ["\\", ["back\\slash", "%_\\%_\\"]],
      ["%_\\%_\\", ["%_\\%_\\"]],
      ["%a%", []],
    ] as const) {
      expect([text, (await listAll({ text })).names]).toEqual([text, names]);
    }
    const last = await listAll({ text: `alias-${rows}` });
    expect(last.names).toEqual([`Name ${rows}`]);
    expect(last.pages).toBeGreaterThan(1);
    expect((await listAll({ state: "revoked" })).names).toHaveLength(1);
    expect((await listAll({ type: "client", text: "name" })).names).toHaveLength(rows / 4 - 1);
  }, 300_000);

  it("wildcards by the thousand take no more than three times a plain search, and at most 500 ms", async () => {
    const { sql } = admin.test.database;
    const search = (text: string) => takeMs(() => listApiKeys(sql, { text }, { after: null, limit: 50 }));
    const hostile = ["%", "_", "\\", "%_", "%\\", "\\%_"].map((piece) => piece.repeat(1_000));
    for (const text of ["warm", ...hostile]) await search(text);
    const plain: number[] = [];
    const bad: number[] = [];
    for (let round = 0; round < 5; round++) {
      plain.push(await search("no key has this text"));
      for (const text of hostile) bad.push(await search(text));
    }
    console.info(
      `C2: ${rows} keys, plain ${findMedian(plain).toFixed(1)} ms, hostile ${findMedian(bad).toFixed(1)} ms`,
    );
    expect(findMedian(bad)).toBeLessThanOrEqual(3 * findMedian(plain));
    expect(findMedian(plain)).toBeLessThanOrEqual(500);
    expect(findMedian(bad)).toBeLessThanOrEqual(500);
    for (const text of hostile) {
      const path = `/admin/api-keys?q=${encodeURIComponent(text.slice(0, 100))}`;
      expect((await admin.send("GET", path, root)).body.api_keys).toEqual([]);
      expect((await admin.send("GET", `/admin/api-keys?q=${encodeURIComponent(text)}`, root)).status).toBe(422);
    }
  }, 120_000);

  it("gives up after two seconds and says so", async () => {
    expectPostgresLog(/canceling statement due to statement timeout[\s\S]*api_key/);
    const { sql } = admin.test.database;
    await sql.begin(async (transaction) => {
      await transaction`lock table api_key in access exclusive mode`;
      const before = performance.now();
      const search = listApiKeys(sql, { text: "x" }, { after: null, limit: 50 });
      await expect(search).rejects.toMatchObject({ code: "57014" });
      const ms = performance.now() - before;
      expect(ms).toBeGreaterThan(1_500);
      expect(ms).toBeLessThan(10_000);
    });
  });
});

const filters: readonly [name: string, filter: KeyFilter][] = [
  ["nothing", {}],
  ["state=active", { state: "active" }],
  ["state=disabled", { state: "disabled" }],
  ["state=revoked", { state: "revoked" }],
  ["state=expired", { state: "expired" }],
  ["type=client", { type: "client" }],
  ["owner", { ownerId: "owner-2" }],
  ["unknown owner", { ownerId: "nobody" }],
  ["tag", { tags: { customer: "c7" } }],
  ["common tag", { tags: { env: "live" } }],
  ["unknown tag", { tags: { customer: "nobody" } }],
  ["alias", { alias: "alias-5" }],
  ["text", { text: "name 5" }],
  ["all", { state: "active", type: "client", ownerId: "owner-2", tags: { env: "live" }, alias: "x", text: "y" }],
];

describe(`plans of lists of ${rows} keys`, () => {
  it.each(filters)("by %s: no sequential scan, on the first page and in the middle", async (_name, filter) => {
    const { sql, plans } = openExplainedSql(admin.test.database.sql);
    const middle = { createdAt: new Date(Date.now() - rows * 500), publicId: "zzzzzzzzzzzz" };
    for (const after of [null, middle]) {
      const ms = await takeMs(() => listApiKeys(sql, filter, { after, limit: 50 }));
      expect(ms).toBeLessThan(2_000);
    }
    expect(plans.length).toBeGreaterThanOrEqual(4);
    expect(plans.flatMap(listSequentialScans)).toEqual([]);
  });

  it("the gate sees a sequential scan", async () => {
    const { sql, plans } = openExplainedSql(admin.test.database.sql);
    await sql`select count(*) from api_key where description like '%x%'`;
    expect(plans.flatMap(listSequentialScans)).toEqual(["api_key"]);
  });
});

it("a limit is from 1 to 200, and no list is longer, whatever is asked for", async () => {
  const random = makeSeededRandom();
  const odd = [
    "0",
    "201",
    "-1",
    "1e3",
    "1e308",
    "NaN",
    "Infinity",
    "0x10",
    "２",
    "1.5",
    "",
    " 5",
    "5 ",
    "null",
    "[]",
    "9".repeat(30),
    "50;drop table api_key",
    "50,51",
  ];
  const tried: Record<number, number> = {};
  for (let round = 0; round < 400; round++) {
    const limit = round < odd.length ? (odd[round] ?? "") : String(random.integer(random.pick([10, 250, 1_000_000])));
    const more = random.pick([
      "",
      "&state=active",
      "&type=client",
      "&q=name",
      "&tag[env]=live",
      "&sort=name",
      "&order=asc",
      "&limit=500",
    ]);
    const { status, body, text } = await admin.send(
      "GET",
      `/admin/api-keys?limit=${encodeURIComponent(limit)}${more}`,
      root,
    );
    tried[status] = (tried[status] ?? 0) + 1;
    const isGood =
      /^\d{1,9}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= 200 && !/sort|order|limit/.test(more);
    expect([limit, more, status], `seed ${random.seed}: ${text}`).toEqual([limit, more, isGood ? 200 : 422]);
    const length = Array.isArray(body.api_keys) ? body.api_keys.length : 0;
    expect(length).toBeLessThanOrEqual(isGood ? Number(limit) : 0);
  }
  console.info(`C3: seed ${random.seed}`, JSON.stringify(tried));
  expect(tried[200]).toBeGreaterThan(20);
  expect(tried[422]).toBeGreaterThan(20);
}, 120_000);
