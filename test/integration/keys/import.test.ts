import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GatewayProcess, openGatewayProcess } from "../../support/gateway-process.ts";
import { waitUntil } from "../../support/wait-until.ts";

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await openGatewayProcess();
});
afterAll(() => gateway.close());

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

function makeText(length: number): string {
  return Array.from(randomBytes(length), (byte) => base62[byte % 62]).join("");
}

function makeHash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function makeTensorzeroKey(): { text: string; entry: { hash: string; format: string; public_id: string } } {
  const publicId = makeText(12);
  const secret = makeText(48);
  return {
    text: `sk-t0-${publicId}-${secret}`,
    entry: { hash: makeHash(secret), format: "tensorzero", public_id: publicId },
  };
}

function makeOpaqueKey(): { text: string; entry: { hash: string; format: string } } {
  const text = `sk-${makeText(22)}`;
  return { text, entry: { hash: makeHash(text), format: "opaque" } };
}

interface Imported {
  results: { public_id: string | null; outcome: string; error: { code: string; param: string | null } | null }[];
  imported: number;
  existing: number;
  refused: number;
}

async function importKeys(keys: readonly object[], caller = gateway.adminKey): Promise<Imported> {
  const response = await gateway.call("POST", "/admin/api-keys/import", caller, { keys });
  expect(response.status).toBe(200);
  return (await response.json()) as Imported;
}

async function callWith(text: string): Promise<[number, string | undefined]> {
  const body = { model: "echo::any", messages: [{ role: "user", content: "imported" }] };
  const response = await gateway.call("POST", "/v1/chat/completions", text, body);
  const answer = (await response.json()) as { error?: { code: string } };
  return [response.status, answer.error?.code];
}

/** Statements that ask for keys, since `before`. */
function countLookups(before: number): number {
  return gateway.tap.statements.slice(before).filter((text) => text.includes("api_key_secret")).length;
}

// The first test of the file has to be the one before any import.
it("foreign keys cost no query where nothing was imported, and only those of a form that was imported afterwards", async () => {
  const before = gateway.tap.statements.length;
  for (let index = 0; index < 50; index++) {
    expect(await callWith(makeTensorzeroKey().text)).toEqual([401, "invalid_api_key"]);
    expect(await callWith(makeOpaqueKey().text)).toEqual([401, "invalid_api_key"]);
  }
  expect(countLookups(before)).toBe(0);

  const known = makeTensorzeroKey();
  expect(await importKeys([known.entry])).toMatchObject({ imported: 1, existing: 0, refused: 0 });
  await waitUntil(async () => (await callWith(known.text))[0] === 200, "the imported key works");
  const second = gateway.tap.statements.length;
  for (let index = 0; index < 50; index++) await callWith(makeOpaqueKey().text);
  expect(countLookups(second)).toBe(0);
  const third = gateway.tap.statements.length;
  const unknown = makeTensorzeroKey().text;
  for (let index = 0; index < 50; index++) expect(await callWith(unknown)).toEqual([401, "invalid_api_key"]);
  // Looked up once, then known to be unknown.
  expect(countLookups(third)).toBe(1);
});

it("where opaque keys were imported, a flood of unknown texts costs at most 100 look-ups a second, and hurts nobody", async () => {
  const known = makeOpaqueKey();
  await importKeys([known.entry]);
  await waitUntil(async () => (await callWith(known.text))[0] === 200, "the imported key works");
  const before = gateway.tap.statements.length;
  const startedMs = performance.now();
  const codes = new Map<string, number>();
  const lane = async (): Promise<void> => {
    for (let index = 0; index < 60; index++) {
      const [status, code] = await callWith(makeOpaqueKey().text);
      codes.set(`${status} ${code}`, (codes.get(`${status} ${code}`) ?? 0) + 1);
    }
  };
  let good = 0;
  const goodLane = async (): Promise<void> => {
    for (let index = 0; index < 60; index++) if ((await callWith(known.text))[0] === 200) good++;
  };
  await Promise.all([goodLane(), ...Array.from({ length: 30 }, lane)]);
  const seconds = (performance.now() - startedMs) / 1_000;
  const lookups = countLookups(before);
  console.info(`${lookups} look-ups in ${seconds.toFixed(1)} s for 1800 unknown texts`);
  expect(Object.fromEntries(codes)).toEqual({ "401 invalid_api_key": 1_800 });
  expect(good).toBe(60);
  expect(lookups).toBeGreaterThan(0);
  expect(lookups).toBeLessThanOrEqual(100 * seconds + 1);
});

describe("POST /admin/api-keys/import", () => {
  it("TensorZero's keys work by public id and secret together, opaque ones as a whole; each keeps its properties", async () => {
    const foreign = makeTensorzeroKey();
    const opaque = makeOpaqueKey();
    const { results } = await importKeys([
      { ...foreign.entry, name: "from before", tags: { customer: "acme" } },
      { ...opaque.entry, models: ["echo::*"] },
    ]);
    expect(results.map((result) => result.outcome)).toEqual(["imported", "imported"]);
    expect(results[0]?.public_id).toBe(foreign.entry.public_id);
    for (const { text } of [foreign, opaque]) {
      await waitUntil(async () => (await callWith(text))[0] === 200, "the imported key works");
    }
    const [, , , secret] = foreign.text.split("-");
    const other = makeTensorzeroKey();
    await importKeys([other.entry]);
    for (const text of [
      `sk-t0-${other.entry.public_id}-${secret}`,
      `sk-t0-${foreign.entry.public_id}-${makeText(48)}`,
      String(secret),
      foreign.text.toLowerCase(),
      `${opaque.text}x`,
      opaque.entry.hash,
      foreign.entry.hash,
    ]) {
      expect(await callWith(text)).toEqual([401, "invalid_api_key"]);
    }
    const shown = await gateway.call("GET", `/admin/api-keys/${foreign.entry.public_id}`, gateway.adminKey);
    expect(await shown.json()).toMatchObject({
      name: "from before",
      alias: "from-before",
      imported_from: "tensorzero",
      tags: { customer: "acme" },
      permissions: ["ai:inference"],
    });
  });

  it("again, and at once: the same keys, nothing twice, nothing changed", async () => {
    const entries = [makeTensorzeroKey().entry, makeOpaqueKey().entry];
    const answers = await Promise.all([1, 2, 3].map(() => importKeys(entries)));
    expect(answers.reduce((sum, answer) => sum + answer.imported, 0)).toBe(2);
    expect(answers.reduce((sum, answer) => sum + answer.existing, 0)).toBe(4);
    const ids = answers.map((answer) => answer.results.map((result) => result.public_id));
    expect(ids[1]).toEqual(ids[0]);
    expect(ids[2]).toEqual(ids[0]);
    expect(await importKeys([{ ...entries[0], name: "late" }])).toMatchObject({ existing: 1 });
    const shown = await gateway.call("GET", `/admin/api-keys/${ids[0]?.[0]}`, gateway.adminKey);
    expect(await shown.json()).toMatchObject({ name: null, version: 1 });
  });

  it("disabled and ended ones are copied as that", async () => {
    const disabled = makeTensorzeroKey();
    const ended = makeTensorzeroKey();
    const { imported } = await importKeys([
      { ...disabled.entry, state: "disabled" },
      { ...ended.entry, expires_at: "2024-01-01T00:00:00Z" },
    ]);
    expect(imported).toBe(2);
    expect(await callWith(disabled.text)).toEqual([401, "disabled_api_key"]);
    expect(await callWith(ended.text)).toEqual([401, "expired_api_key"]);
  });

  it("an entry that cannot be is refused, the others come in; 422 for what is no entry", async () => {
    const good = makeOpaqueKey();
    const taken = makeTensorzeroKey();
    const maker = await gateway.makeKey({ permissions: ["admin:keys", "ai:inference"], models: ["echo::*"] });
    await importKeys([taken.entry]);
    const { results } = await importKeys(
      [
        { ...makeOpaqueKey().entry, permissions: ["data:admin"] },
        { ...makeOpaqueKey().entry, expires_at: "2099-01-01T00:00:00Z" },
        { ...makeTensorzeroKey().entry, public_id: taken.entry.public_id },
        { ...taken.entry, format: "opaque" },
        good.entry,
      ],
      maker.text,
    );
    expect(results.map(({ outcome, error }) => [outcome, error?.code, error?.param])).toEqual([
      ["refused", "permission_denied", "permissions"],
      ["refused", "validation_failed", "expires_at"],
      ["refused", "conflict", "public_id"],
      ["refused", "conflict", "hash"],
      ["imported", undefined, undefined],
    ]);
    await waitUntil(async () => (await callWith(good.text))[0] === 200, "the imported key works");
    for (const entry of [
      { ...good.entry, hash: "abc" },
      { ...good.entry, format: "bcrypt" },
      { hash: good.entry.hash, format: "tensorzero" },
      { ...good.entry, key: good.text },
    ]) {
      const answer = await gateway.call("POST", "/admin/api-keys/import", gateway.adminKey, { keys: [entry] });
      expect(answer.status).toBe(422);
    }
  });

  it("an imported key goes through life as one of ours: a rotation gives it a secret of ours", async () => {
    const { text, entry } = makeTensorzeroKey();
    await importKeys([entry]);
    await waitUntil(async () => (await callWith(text))[0] === 200, "the imported key works");
    const path = `/admin/api-keys/${entry.public_id}`;
    const rotated = await gateway.call("POST", `${path}/rotate`, gateway.adminKey, {});
    const fresh = ((await rotated.json()) as { api_key: string }).api_key;
    expect(fresh).toMatch(new RegExp(`^prod_${entry.public_id}_`));
    expect(await callWith(fresh)).toEqual([200, undefined]);
    expect(await callWith(text)).toEqual([200, undefined]);
    await gateway.call("POST", `${path}/rotate/finish`, gateway.adminKey);
    await waitUntil(async () => (await callWith(text))[0] === 401, "the old secret has ended");
    await gateway.call("DELETE", path, gateway.adminKey);
    await waitUntil(async () => (await callWith(fresh))[1] === "revoked_api_key", "it is revoked");
  });
});
