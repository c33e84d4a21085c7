import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadSealedCredentials, type SealedCredential } from "../../../db/queries/provider-credentials.ts";
import { makeCaller } from "../../../server/admin/router.ts";
import { Secret } from "../../../server/core/secret.ts";
import { CredentialVault } from "../../../server/keys/credential-vault.ts";
import { makeSealedCredential, openSealedCredential } from "../../../server/keys/stored-credential.ts";
import { SealError } from "../../../server/platform/seal.ts";
import { type AdminHarness, openAdminHarness } from "../../support/admin-harness.ts";
import { expectPostgresLog } from "../../support/postgres-log.ts";

/** BARS.md D9 and D8. */
const first = { version: 1, value: new Secret("s".repeat(48)) };
const second = { version: 2, value: new Secret("second-seal-key-".repeat(3)) };
const times = process.env.TEST_TIER === "full" ? 1_000_000 : 2_000;
let admin: AdminHarness;

beforeAll(async () => {
  admin = await openAdminHarness();
});
afterAll(() => admin.close());

async function loadOne(name: string): Promise<SealedCredential> {
  const found = (await loadSealedCredentials(admin.test.database.sql)).find((stored) => stored.name === name);
  if (found === undefined) throw new Error(`${name} is not stored`);
  return found;
}

function open(stored: SealedCredential, keys = [first]): string {
  try {
    return openSealedCredential(keys, stored).reveal();
  } catch (error) {
    if (error instanceof SealError) return "refused";
    throw error;
  }
}

describe("a stored credential", () => {
  test("opens as it is stored, and not moved, changed, cut, or from before", async () => {
    for (const name of ["one", "two"]) await admin.system.credentials.create({ name, secret: `sk-${name}` });
    const [one, two] = [await loadOne("one"), await loadOne("two")];
    expect([open(one), open(two)]).toEqual(["sk-one", "sk-two"]);
    expect(open({ ...one, sealed: two.sealed })).toBe("refused");
    expect(open({ ...one, name: "two" })).toBe("refused");
    let flips = 0;
    for (let at = 0; at < one.sealed.length; at++) {
      for (const bit of [0, 3, 7]) {
        const sealed = Buffer.from(one.sealed);
        sealed[at] = (sealed[at] as number) ^ (1 << bit);
        expect([at, bit, open({ ...one, sealed })]).toEqual([at, bit, "refused"]);
        flips++;
      }
    }
    expect(flips).toBe(one.sealed.length * 3);
    for (let length = 0; length < one.sealed.length; length++) {
      expect([length, open({ ...one, sealed: one.sealed.subarray(0, length) })]).toEqual([length, "refused"]);
    }
    await admin.system.credentials.update({ credential_name: "one", secret: "sk-new" });
    const replaced = await loadOne("one");
    expect([replaced.version, open(replaced)]).toEqual([2, "sk-new"]);
    // What the row held before, put back into it.
    expect(open({ ...replaced, sealed: one.sealed })).toBe("refused");
    expect(open(one, [second])).toBe("refused");
    expect(open({ ...one, keyVersion: 2 }, [second, first])).toBe("refused");
  });

  test(`is never sealed to the same bytes twice: ${times} times`, { timeout: 600_000 }, () => {
    const secret = new Secret("sk-same");
    const seen = new Set<string>();
    for (let count = 0; count < times; count++) {
      seen.add(makeSealedCredential([first], "same", 1, secret).sealed.toString("hex").slice(2, 26));
    }
    expect(seen.size).toBe(times);
  });

  test("is in no answer of the admin API, in no list, in no audit entry", async () => {
    const secret = "sk-canary-never-answered";
    const { text: key } = await admin.makeKey({ permissions: ["*"] });
    const answers = [
      await admin.send("POST", "/admin/credentials", key, { name: "hidden", secret, description: "d" }),
      await admin.send("PATCH", "/admin/credentials/hidden", key, { secret: `${secret}-2` }),
      await admin.send("GET", "/admin/credentials", key),
      await admin.send("GET", "/admin/credentials/hidden", key),
      await admin.send("POST", "/admin/credentials", key, { name: "hidden", secret }),
      await admin.send("POST", "/admin/credentials", key, { name: "Not A Name", secret }),
      await admin.send("POST", "/admin/credentials/hidden", key, { secret }),
      await admin.send("GET", "/admin/audit", key),
      await admin.send("DELETE", "/admin/credentials/hidden", key),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 200, 409, 422, 404, 200, 204]);
    expect(answers[7]?.text).toContain("hidden");
    expect(answers.map(({ text }) => text).join()).not.toContain("canary");
  });

  test("that a key pins is not deleted, unless the key is revoked", async () => {
    await admin.system.credentials.create({ name: "pinned", secret: "sk-p" });
    const { id } = await admin.makeKey({ provider_credentials: { openai: "pinned" } });
    await expect(admin.system.credentials.delete({ credential_name: "pinned" })).rejects.toThrow(
      /1 key that pin it|used by/,
    );
    expect((await admin.system.credentials.get({ credential_name: "pinned" })).used_by.pinned_keys).toBe(1);
    await admin.system.keys.revoke({ public_id: id });
    await admin.system.credentials.delete({ credential_name: "pinned" });
    await expect(admin.system.credentials.get({ credential_name: "pinned" })).rejects.toThrow("Not found");
  });
});

describe("a new seal key", () => {
  test("takes over all, again after it was interrupted, while processes of both configurations read", async () => {
    const names = Array.from({ length: 120 }, (_, index) => `r${index}`);
    for (const name of names) await admin.system.credentials.create({ name, secret: `sk-${name}` });
    const { config, clock, logger, database } = admin.context;
    // A gateway that was started before the new key was given out.
    const old = new CredentialVault({ database, clock, logger, config: { sealKeys: [first] } });
    await old.load();
    const rotated = { ...config, sealKeys: [second, first] };
    const caller = makeCaller({ ...admin.context, config: rotated });

    // The third batch dies with its connection: what was done before stays done.
    const { sql } = admin.test.database;
    expectPostgresLog(/killed, for a test/);
    await sql`create function die() returns trigger language plpgsql as $$
      begin if new.name = 'r99' then raise exception 'killed, for a test'; end if; return new; end $$`;
    await sql`create trigger die before update on provider_credential for each row execute function die()`;
    await expect(caller.credentials.rotateSealKey({})).rejects.toThrow("Something went wrong");
    await sql`drop function die cascade`;
    const between = await loadSealedCredentials(sql);
    const done = between.filter(({ keyVersion }) => keyVersion === 2).length;
    expect(done).toBeGreaterThan(0);
    expect(done).toBeLessThan(between.length);

    const answer = await caller.credentials.rotateSealKey({});
    expect(answer).toEqual({ reencrypted: between.length - done, encryption_version: 2 });
    const after = await loadSealedCredentials(sql);
    expect(after.every(({ keyVersion }) => keyVersion === 2)).toBe(true);
    // The old key is of no use any more, and the new one opens all.
    for (const stored of after.filter(({ name }) => names.includes(name))) {
      expect(open(stored, [second])).toBe(`sk-${stored.name}`);
      expect(open(stored, [first])).toBe("refused");
    }
    await old.load();
    expect(names.every((name) => old.find(name)?.reveal() === `sk-${name}`)).toBe(true);
    await caller.credentials.update({ credential_name: "r0", secret: "sk-newer" });
    await old.load();
    expect(old.find("r0")).toBeNull();
    expect((await caller.credentials.rotateSealKey({})).reencrypted).toBe(0);
  });
});
