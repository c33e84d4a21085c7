import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findKeysByDigest } from "../../../db/queries/find-keys-by-digest.ts";
import { updateLastUsed } from "../../../db/queries/update-last-used.ts";
import type { PublicId } from "../../../server/core/api-key.ts";
import { makeKeyDigest } from "../../../server/keys/key-digest.ts";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";

let admin: AdminHarness;
let root: string;

beforeAll(async () => {
  admin = await openAdminHarness();
  root = (await admin.makeKey({ name: "root", permissions: ["*"], expires_at: inDays(364) })).text;
});
afterAll(() => admin.close());

const keys = "/admin/api-keys";

function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString();
}

function rotate(id: string, body: unknown = {}, headers: Record<string, string> = {}, caller = root) {
  return admin.send("POST", `${keys}/${id}/rotate`, caller, body, headers);
}

/** When the secret of a plaintext ends, in milliseconds from now by the database's clock; `null`: with its key. */
async function findSecret(text: string): Promise<{ endsInMs: number | null; digest: string }> {
  const pepper = admin.context.config.peppers[0];
  if (pepper === undefined) throw new Error("no pepper");
  const digest = makeKeyDigest(text, pepper).toString("hex");
  const [found] = await findKeysByDigest(admin.test.database.sql, [digest]);
  if (found === undefined) throw new Error("no such secret");
  const [row] = await admin.test.database.sql<{ now_ms: string }[]>`
    select extract(epoch from clock_timestamp()) * 1000 as now_ms`;
  return {
    digest,
    endsInMs: found.secretRetiresAt === null ? null : found.secretRetiresAt.getTime() - Number(row?.now_ms),
  };
}

describe("POST /admin/api-keys/{public_id}/rotate", () => {
  it("201: another secret under the same public id; both work; all else stays", async () => {
    const made = await admin.system.keys.create({
      name: "turned",
      tags: { customer: "acme" },
      budgets: [{ limit_usd: "5", period: "30d" }],
    });
    const answer = await rotate(made.public_id);
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject({
      public_id: made.public_id,
      alias: made.alias,
      tags: made.tags,
      budgets: made.budgets,
      created_at: made.created_at,
      expires_at: made.expires_at,
      version: 2,
    });
    const text = String(answer.body.api_key);
    expect(text).toMatch(new RegExp(`^prod_${made.public_id}_[0-9A-Za-z]{48}$`));
    expect(text).not.toBe(made.api_key);
    expect((await findSecret(text)).endsInMs).toBeNull();
    const old = await findSecret(made.api_key ?? "");
    expect(Math.abs((old.endsInMs ?? 0) - 86_400_000)).toBeLessThan(60_000);
    const { rotation } = answer.body as { rotation: { old_secret_ends_at: string; old_secret_last_used_at: null } };
    expect(rotation.old_secret_last_used_at).toBeNull();
    expect(Math.abs(Date.parse(rotation.old_secret_ends_at) - Date.now() - 86_400_000)).toBeLessThan(60_000);
    const shown = await admin.send("GET", `${keys}/${made.public_id}`, root);
    expect(shown.body).toMatchObject({ rotation, rotated_at: answer.body.rotated_at });
    expect(shown.text).not.toContain(text.slice(-48));
    const listed = await admin.send("GET", `${keys}?q=${made.public_id}`, root);
    expect(listed.body.api_keys).toMatchObject([{ rotation }]);
  });

  it.each([
    ["0", 0],
    ["90s", 90_000],
    ["45m", 2_700_000],
    ["30d", 2_592_000_000],
  ])("201: overlap %s", async (overlap, overlapMs) => {
    const { id, text } = await admin.makeKey();
    expect((await rotate(id, { overlap })).status).toBe(201);
    const { endsInMs } = await findSecret(text);
    expect(endsInMs).not.toBeNull();
    expect(Math.abs((endsInMs ?? 0) - overlapMs)).toBeLessThan(30_000);
    // By the database's clock the instant of the rotation has passed.
    expect((endsInMs ?? 0) <= 0).toBe(overlap === "0");
  });

  it.each(["31d", "721h", "-1h", "1.5h", "24", "", "h", "0d", 24])("422: overlap %j", async (overlap) => {
    const { id } = await admin.makeKey();
    const answer = await rotate(id, { overlap });
    expect([answer.status, (answer.body.error as { param: string }).param]).toEqual([422, "overlap"]);
  });

  it("201: a third secret while an overlap runs: the oldest ends at once", async () => {
    const { id, text: first } = await admin.makeKey();
    const second = String((await rotate(id)).body.api_key);
    const third = String((await rotate(id, { overlap: "7d" })).body.api_key);
    expect((await findSecret(first)).endsInMs).toBeLessThanOrEqual(0);
    expect((await findSecret(second)).endsInMs).toBeGreaterThan(6 * 86_400_000);
    expect((await findSecret(third)).endsInMs).toBeNull();
  });

  it("201: Idempotency-Key makes no third secret, also when calls race; another key or caller is another rotation", async () => {
    const { id } = await admin.makeKey();
    const headers = { "idempotency-key": "rotation-1" };
    const answers = await Promise.all([1, 2, 3, 4].map(() => rotate(id, {}, headers)));
    expect(answers.map((answer) => answer.status)).toEqual([201, 201, 201, 201]);
    expect(answers.filter((answer) => answer.body.api_key !== null)).toHaveLength(1);
    expect(answers.filter((answer) => answer.headers.get("idempotent-replayed") === "true")).toHaveLength(3);
    for (const answer of answers) expect(answer.body).toMatchObject({ public_id: id, version: 2 });
    const { id: other } = await admin.makeKey();
    expect((await rotate(other, {}, headers)).body.api_key).not.toBeNull();
    expect((await rotate(id, {}, { "idempotency-key": "rotation-2" })).body).toMatchObject({ version: 3 });
    const again = await rotate(id, {}, headers);
    expect(again.body).toMatchObject({ api_key: null, version: 3 });
  });

  it("If-Match: 409 on another version, and nothing is rotated or remembered", async () => {
    const { id, text } = await admin.makeKey();
    const headers = { "if-match": '"2"', "idempotency-key": "with-version" };
    expect((await rotate(id, {}, headers)).body.error).toMatchObject({ code: "conflict" });
    expect((await findSecret(text)).endsInMs).toBeNull();
    expect((await rotate(id, {}, { ...headers, "if-match": "1" })).body.api_key).not.toBeNull();
  });

  it("If-Match: 409 for each command on another version, and nothing is done", async () => {
    const { id } = await admin.makeKey();
    let refused = 0;
    for (const [method, path] of [
      ["POST", "/disable"],
      ["POST", "/enable"],
      ["DELETE", ""],
    ] as const) {
      const answer = await admin.send(method, `${keys}/${id}${path}`, root, undefined, { "if-match": '"7"' });
      expect([path, answer.status, (answer.body.error as { code: string }).code]).toEqual([path, 409, "conflict"]);
      refused++;
    }
    expect(refused).toBe(3);
    expect(await admin.system.keys.get({ public_id: id })).toMatchObject({ state: "active", version: 1 });
    expect((await admin.send("DELETE", `${keys}/${id}`, root, undefined, { "if-match": '"1"' })).status).toBe(204);
  });

  it("409 for a revoked and an expired key; 404 for none; a disabled one may be rotated", async () => {
    const revoked = await admin.makeKey();
    await admin.system.keys.revoke({ public_id: revoked.id });
    expect((await rotate(revoked.id)).status).toBe(409);
    const ended = await admin.makeKey();
    await admin.test.database
      .sql`update api_key set expires_at = now() - interval '1 second' where public_id = ${ended.id}`;
    expect((await rotate(ended.id)).status).toBe(409);
    expect((await rotate("zzzzzzzzzzzz")).status).toBe(404);
    const disabled = await admin.makeKey();
    await admin.system.keys.disable({ public_id: disabled.id });
    expect((await rotate(disabled.id)).body).toMatchObject({ state: "disabled" });
  });

  it("403: a key that has less; 404: a key of another owner", async () => {
    const weak = await admin.makeKey({ permissions: ["admin:keys"], owner_id: "own-1" });
    const strong = await admin.makeKey({ permissions: ["ai:inference"], owner_id: "own-1" });
    const foreign = await admin.makeKey({ permissions: ["admin:keys"], owner_id: "own-2" });
    const refused = await rotate(strong.id, {}, {}, weak.text);
    expect([refused.status, (refused.body.error as { code: string }).code]).toEqual([403, "permission_denied"]);
    expect((await findSecret(strong.text)).endsInMs).toBeNull();
    expect((await rotate(foreign.id, {}, {}, weak.text)).status).toBe(404);
  });
});

describe("the old secret", () => {
  it("shows when it was last used, apart from the new one", async () => {
    const { sql } = admin.test.database;
    const { id, text } = await admin.makeKey();
    const publicId = id as PublicId;
    const use = (secretDigest: string | null, atMs: number) =>
      updateLastUsed(sql, [{ publicId, secretDigest, atMs, ip: "::1" }]);
    const startMs = Math.floor(Date.now()) + 1_000;
    await use(null, startMs);
    const fresh = String((await rotate(id)).body.api_key);
    const seen = async () => {
      const { body } = await admin.send("GET", `${keys}/${id}`, root);
      const rotation = body.rotation as { old_secret_last_used_at: string | null };
      return [rotation.old_secret_last_used_at, body.last_used_at].map((at) => Date.parse(String(at)) - startMs);
    };
    expect(await seen()).toEqual([0, 0]);
    const newDigest = (await findSecret(fresh)).digest;
    await use(newDigest, startMs + 100_000);
    expect(await seen()).toEqual([0, 100_000]);
    // Within the minute: nothing is written again.
    await use((await findSecret(text)).digest, startMs + 30_000);
    expect(await seen()).toEqual([0, 100_000]);
    await updateLastUsed(sql, [
      { publicId, secretDigest: (await findSecret(text)).digest, atMs: startMs + 200_000, ip: "::1" },
      { publicId, secretDigest: newDigest, atMs: startMs + 300_000, ip: "::1" },
    ]);
    expect(await seen()).toEqual([200_000, 300_000]);
  });

  it("ends early by finish, which does nothing a second time", async () => {
    const { id, text } = await admin.makeKey();
    await rotate(id);
    const finished = await admin.send("POST", `${keys}/${id}/rotate/finish`, root);
    expect([finished.status, finished.body.rotation, finished.body.version]).toEqual([200, null, 3]);
    expect((await findSecret(text)).endsInMs).toBeLessThanOrEqual(0);
    const again = await admin.send("POST", `${keys}/${id}/rotate/finish`, root);
    expect([again.status, again.body.version]).toEqual([200, 3]);
    expect((await admin.send("POST", `${keys}/zzzzzzzzzzzz/rotate/finish`, root)).status).toBe(404);
  });
});
