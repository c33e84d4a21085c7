import { afterAll, beforeAll, expect, it } from "vitest";
import { findAdviceCounts } from "../../../db/queries/find-advice-counts.ts";
import { keyAdvices } from "../../../server/core/key-advice.ts";
import { handleFlagStaleKeys } from "../../../workers/jobs/flag-stale-keys.ts";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";
import { makeSeededRandom } from "../../support/seeded-random.ts";
import { openWorkerHarness } from "../../support/worker-harness.ts";

let admin: AdminHarness;
let root: { text: string; id: string };

beforeAll(async () => {
  admin = await openAdminHarness();
  // A key that is rotated must not outlive the one that gets its plaintext.
  root = await admin.makeKey({ permissions: ["*"], expires_at: new Date(Date.now() + 364 * 86_400_000).toISOString() });
});
afterAll(() => admin.close());

const origins = ["https://app.example.com"];

async function listAll(query: string): Promise<{ public_id: string; advice: string[] }[]> {
  const { status, body } = await admin.send("GET", `/admin/api-keys?limit=200${query}`, root.text);
  expect(status).toBe(200);
  return body.api_keys as { public_id: string; advice: string[] }[];
}

it("PATCH of the origins of a client key advises a rotation, until it was rotated; the same origins do not", async () => {
  const { id } = await admin.makeKey({ type: "client", allowed_origins: origins });
  const path = `/admin/api-keys/${id}`;
  expect((await admin.send("PATCH", path, root.text, { allowed_origins: origins })).body.advice).toEqual([]);
  const changed = await admin.send("PATCH", path, root.text, {
    allowed_origins: [...origins, "https://b.example.com"],
  });
  expect(changed.body.advice).toEqual(["origins_changed"]);
  expect((await listAll("&advice=origins_changed")).map((key) => key.public_id)).toEqual([id]);
  expect((await admin.send("POST", `${path}/rotate`, root.text)).body.advice).toEqual([]);
  expect(await listAll("&advice=origins_changed")).toEqual([]);
});

it("the filter and the weekly count say of every key what its view says", async () => {
  const random = makeSeededRandom();
  const { sql } = admin.test.database;
  const days = [0, 30, 89, 91, 200, 364, 366, 500];
  const some = () => (random.integer(2) === 0 ? null : random.pick(days));
  for (let index = 0; index < 120; index++) {
    const type = random.pick(["production", "development", "client"] as const);
    const { id } = await admin.makeKey({ type, ...(type === "client" ? { allowed_origins: origins } : {}) });
    await sql`
      update api_key set created_at = now() - ${random.pick(days)}::int * interval '24 hours',
        rotated_at = now() - ${some()}::int * interval '24 hours',
        last_used_at = now() - ${some()}::int * interval '24 hours',
        origins_changed_at = now() - ${some()}::int * interval '24 hours',
        state = ${random.pick(["active", "active", "active", "disabled", "revoked", "expired"])},
        expires_at = now() + ${random.pick([-1, 10, 10, 10])}::int * interval '24 hours'
      where public_id = ${id}`;
  }
  const all = await listAll("");
  const counts = await findAdviceCounts(sql);
  let seen = 0;
  for (const advice of keyAdvices) {
    const expected = all.filter((key) => key.advice.includes(advice)).map((key) => key.public_id);
    expect((await listAll(`&advice=${advice}`)).map((key) => key.public_id)).toEqual(expected);
    expect(counts[advice]).toBe(expected.length);
    seen += expected.length;
  }
  expect(seen).toBeGreaterThan(20);
  const harness = openWorkerHarness({ databaseUrl: admin.test.url, redisUrl: null }, []);
  const { context } = harness;
  const told: Record<string, number>[] = [];
  const metrics = { ...context.metrics, observeKeyAdvice: (found: Record<string, number>) => void told.push(found) };
  const tools = { logger: context.logger, signal: new AbortController().signal, updateProgress: async () => undefined };
  expect(await handleFlagStaleKeys({ ...tools, context: { ...context, metrics } })).toEqual(counts);
  expect(told).toEqual([counts]);
  expect(harness.lines.filter((line) => JSON.stringify(line).includes("stale_keys"))).toHaveLength(1);
  await harness.stop();
  expect((await admin.send("GET", "/admin/api-keys?advice=old", root.text)).status).toBe(422);
});
