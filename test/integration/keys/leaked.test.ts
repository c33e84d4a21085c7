import { createHash, createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Secret } from "../../../server/core/secret.ts";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";

let admin: AdminHarness;
let root: string;

beforeAll(async () => {
  admin = await openAdminHarness();
  root = (await admin.makeKey({ name: "root", permissions: ["*"] })).text;
});
afterAll(() => admin.close());

const path = "/admin/api-keys/leaked";
const nowSeconds = () => Math.floor(admin.context.clock.nowMs() / 1_000);

function sign(body: string, time = nowSeconds(), secret: Secret | null = admin.context.config.leakSecret) {
  const hmac = createHmac("sha256", secret?.reveal() ?? "")
    .update(`${time}.${body}`)
    .digest("hex");
  return { "x-tollgate-signature": `t=${time},v1=${hmac}`, "content-type": "application/json" };
}

function report(keys: readonly string[], headers = sign(JSON.stringify({ keys }))) {
  return admin.send("POST", path, null, JSON.stringify({ keys }), headers);
}

async function findState(id: string): Promise<string> {
  return (await admin.system.keys.get({ public_id: id })).state;
}

describe("POST /admin/api-keys/leaked", () => {
  it("200 signed: disables what matches, says how many, gives no key back; again: nothing more", async () => {
    const first = await admin.makeKey();
    const second = await admin.makeKey();
    const other = await admin.makeKey();
    const keys = [first.text, second.text, first.text, other.text.slice(0, -1), "nothing-of-ours", `${other.text}x`];
    const answer = await report(keys);
    expect([answer.status, answer.body]).toEqual([200, { received: 6, matched: 2, disabled: 2 }]);
    for (const key of keys) expect(answer.text).not.toContain(key.slice(-20));
    expect(await findState(first.id)).toBe("disabled");
    expect(await findState(second.id)).toBe("disabled");
    expect(await findState(other.id)).toBe("active");
    expect((await report(keys)).body).toEqual({ received: 6, matched: 2, disabled: 0 });
  });

  it("200 by an admin's key, also with a secret shared; in its owner's scope alone", async () => {
    const leaked = await admin.makeKey();
    const body = { keys: [leaked.text] };
    const scoped = await admin.makeKey({ permissions: ["admin:keys"], owner_id: "own-1" });
    expect((await admin.send("POST", path, scoped.text, body)).body).toEqual({ received: 1, matched: 0, disabled: 0 });
    expect((await admin.send("POST", path, root, body)).body).toEqual({ received: 1, matched: 1, disabled: 1 });
    const weak = await admin.makeKey();
    expect((await admin.send("POST", path, weak.text, body)).status).toBe(403);
    expect((await admin.send("POST", path, null, body)).status).toBe(401);
  });

  it("200: imported keys and an old secret that still works count; one that has ended does not", async () => {
    const opaque = "sk-leaked-opaque-key-0123456789";
    const hash = createHash("sha256").update(opaque).digest("hex");
    const { results } = await admin.system.keys.import({ keys: [{ hash, format: "opaque" }] });
    expect((await report([opaque])).body).toMatchObject({ matched: 1, disabled: 1 });
    expect(await findState(results[0]?.public_id ?? "")).toBe("disabled");
    const rotated = await admin.makeKey();
    await admin.system.keys.rotate({ public_id: rotated.id, overlap: "0" });
    expect((await report([rotated.text])).body).toMatchObject({ matched: 0, disabled: 0 });
    const overlapping = await admin.makeKey();
    await admin.system.keys.rotate({ public_id: overlapping.id });
    expect((await report([overlapping.text])).body).toMatchObject({ matched: 1, disabled: 1 });
  });

  it("401: a signature of another body, time, secret or form", async () => {
    const leaked = await admin.makeKey();
    const keys = [leaked.text];
    const body = JSON.stringify({ keys });
    const good = sign(body);
    const faults: Record<string, string>[] = [
      sign(JSON.stringify({ keys: [] })),
      sign(body, nowSeconds() - 302),
      sign(body, nowSeconds() + 302),
      { ...good, "x-tollgate-signature": good["x-tollgate-signature"].replace(/t=\d+/, `t=${nowSeconds() - 5}`) },
      { ...good, "x-tollgate-signature": good["x-tollgate-signature"].slice(0, -1) },
      { ...good, "x-tollgate-signature": `${good["x-tollgate-signature"].slice(0, -2)}zz` },
      { ...good, "x-tollgate-signature": "" },
      sign(body, nowSeconds(), admin.context.config.sealKey),
    ];
    let refused = 0;
    for (const headers of faults) {
      const answer = await admin.send("POST", path, null, body, headers);
      expect([answer.status, (answer.body.error as { code: string }).code.endsWith("api_key")]).toEqual([401, true]);
      refused++;
    }
    expect(refused).toBe(faults.length);
    expect(await findState(leaked.id)).toBe("active");
    expect((await report(keys, sign(body, nowSeconds() - 290))).body).toMatchObject({ disabled: 1 });
  });

  it("400, 413, 422: a signed report that is no report", async () => {
    const send = async (body: string) => (await admin.send("POST", path, null, body, sign(body))).status;
    expect(await send("{")).toBe(400);
    expect(await send(JSON.stringify({ keys: Array.from({ length: 101 }, () => "x") }))).toBe(422);
    expect(await send(JSON.stringify({ keys: ["x".repeat(513)] }))).toBe(422);
    expect(await send(JSON.stringify({ keys: [] }))).toBe(422);
    expect(await send("null")).toBe(422);
    expect(await send(JSON.stringify({ keys: ["x"], more: 1 }))).toBe(422);
    expect(await send(JSON.stringify({ keys: ["x".repeat(70_000)] }))).toBe(413);
  });
});
