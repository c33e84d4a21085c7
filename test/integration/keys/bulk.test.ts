import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";

let admin: AdminHarness;
let root: string;

beforeAll(async () => {
  admin = await openAdminHarness();
  root = (await admin.makeKey({ name: "root", permissions: ["*"] })).text;
});
afterAll(() => admin.close());

function change(body: unknown, caller = root) {
  return admin.send("POST", "/admin/api-keys/bulk", caller, body);
}

async function findStates(ids: readonly string[]): Promise<string[]> {
  const views = await Promise.all(ids.map((id) => admin.system.keys.get({ public_id: id })));
  return views.map((view) => view.state);
}

describe("POST /admin/api-keys/bulk", () => {
  it("200: each key has its own result, in order and once; what is refused holds up nothing", async () => {
    const ids = (await Promise.all([1, 2, 3].map(() => admin.makeKey()))).map((made) => made.id);
    const [first = "", second = "", third = ""] = ids;
    await admin.system.keys.revoke({ public_id: second });
    const { status, body } = await change({
      action: "disable",
      public_ids: [first, "zzzzzzzzzzzz", second, third, first],
    });
    expect(status).toBe(200);
    expect(body.results).toEqual([
      { public_id: first, ok: true, state: "disabled", error: null },
      { public_id: "zzzzzzzzzzzz", ok: false, state: null, error: expect.objectContaining({ code: "not_found" }) },
      { public_id: second, ok: false, state: null, error: expect.objectContaining({ code: "conflict" }) },
      { public_id: third, ok: true, state: "disabled", error: null },
    ]);
    expect(await findStates(ids)).toEqual(["disabled", "revoked", "disabled"]);
    expect((await change({ action: "enable", public_ids: [first, third] })).status).toBe(200);
    expect(await findStates(ids)).toEqual(["active", "revoked", "active"]);
    // Again: done already.
    const again = await change({ action: "revoke", public_ids: ids, cut_streams: true });
    expect((again.body.results as { ok: boolean }[]).map((result) => result.ok)).toEqual([true, true, true]);
    expect(await findStates(ids)).toEqual(["revoked", "revoked", "revoked"]);
  });

  it("200: takes 200 keys, and no more", async () => {
    const ids: string[] = [];
    for (let index = 0; index < 200; index++) ids.push((await admin.makeKey()).id);
    const { body } = await change({ action: "disable", public_ids: ids });
    const results = body.results as { ok: boolean; public_id: string }[];
    expect(results.map((result) => result.public_id)).toEqual(ids);
    expect(results.every((result) => result.ok)).toBe(true);
    expect((await change({ action: "disable", public_ids: [...ids, ids[0]] })).status).toBe(422);
  });

  it("enabling asks for the powers of each key; another owner's keys do not exist", async () => {
    const weak = await admin.makeKey({ permissions: ["admin:keys"], owner_id: "own-1" });
    const strong = await admin.makeKey({ permissions: ["data:admin"], owner_id: "own-1" });
    const foreign = await admin.makeKey({ owner_id: "own-2" });
    const codes = async (action: string) => {
      const { body } = await change({ action, public_ids: [strong.id, foreign.id] }, weak.text);
      return (body.results as { error: { code: string } | null }[]).map((result) => result.error?.code ?? "ok");
    };
    expect(await codes("disable")).toEqual(["ok", "not_found"]);
    expect(await codes("enable")).toEqual(["permission_denied", "not_found"]);
    expect(await findStates([strong.id, foreign.id])).toEqual(["disabled", "active"]);
  });

  it.each([
    [{ action: "delete", public_ids: ["zzzzzzzzzzzz"] }, "action"],
    [{ action: "disable", public_ids: [] }, "public_ids"],
    [{ action: "disable", public_ids: ["x"] }, "public_ids[0]"],
    [{ action: "disable", public_ids: ["zzzzzzzzzzzz"], cut_streams: true }, "cut_streams"],
  ])("422: %j", async (body, param) => {
    const answer = await change(body);
    expect([answer.status, (answer.body.error as { param: string }).param]).toEqual([422, param]);
  });
});
