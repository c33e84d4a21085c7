import { afterAll, beforeAll, expect, test } from "vitest";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";

let admin: AdminHarness;

beforeAll(async () => {
  admin = await openAdminHarness();
  for (const alias of ["bravo", "alpha", "delta", "charlie", "echo"]) await admin.system.keys.create({ alias });
  const { sql } = admin.test.database;
  // A millisecond apart, the least that is stored: no page may lose one of them.
  await sql`update api_key set last_used_at = '2026-01-01T00:00:00.001Z' where alias = 'alpha'`;
  await sql`update api_key set last_used_at = '2026-01-01T00:00:00.002Z' where alias = 'bravo'`;
  await sql`update api_key set expires_at = null where alias = 'delta'`;
  await sql`update api_key set expires_at = now() + interval '3 days' where alias = 'echo'`;
  await sql`update api_key set expires_at = now() + interval '9 days' where alias = 'alpha'`;
});
afterAll(() => admin.close());

/** All aliases, in pages of two. */
async function listAliases(query: Record<string, string>): Promise<string[]> {
  const aliases: string[] = [];
  let cursor: string | null = null;
  do {
    const page: { api_keys: { alias: string }[]; next_cursor: string | null } = await admin.system.keys.list({
      limit: 2,
      ...query,
      ...(cursor === null ? {} : { cursor }),
    });
    aliases.push(...page.api_keys.map(({ alias }) => alias));
    cursor = page.next_cursor;
  } while (cursor !== null);
  return aliases;
}

test("200: by alias, by last use and by expiry, both ways, over pages", async () => {
  expect(await listAliases({ sort: "alias", order: "asc" })).toEqual(["alpha", "bravo", "charlie", "delta", "echo"]);
  expect(await listAliases({ sort: "alias" })).toEqual(["echo", "delta", "charlie", "bravo", "alpha"]);
  expect((await listAliases({ sort: "last_used_at" })).slice(0, 2)).toEqual(["bravo", "alpha"]);
  expect((await listAliases({ sort: "last_used_at", order: "asc" })).slice(-2)).toEqual(["alpha", "bravo"]);
  expect((await listAliases({ sort: "expires_at", order: "asc" })).slice(0, 2)).toEqual(["echo", "alpha"]);
  expect((await listAliases({ sort: "expires_at" }))[0]).toBe("delta");
  expect(await listAliases({ sort: "alias", order: "asc", q: "alpha" })).toEqual(["alpha"]);
});

test("422: a cursor of another order, one that was made up, and the order that there is not", async () => {
  const root = (await admin.makeKey({ permissions: ["*"] })).text;
  const { next_cursor: cursor } = await admin.system.keys.list({ sort: "alias", limit: 1 });
  const forged = Buffer.from(JSON.stringify(["expires_at", "2026-99-99T00:00:00Z", "zzzzzzzzzzzz"])).toString(
    "base64url",
  );
  for (const [query, param] of [
    [`sort=expires_at&cursor=${cursor}`, "cursor"],
    [`sort=expires_at&cursor=${forged}`, "cursor"],
    ["sort=created_at&order=asc", "order"],
    ["sort=name", "sort"],
  ]) {
    const answer = await admin.send("GET", `/admin/api-keys?${query}`, root);
    expect([answer.status, (answer.body.error as { param: string }).param]).toEqual([422, param]);
  }
});
