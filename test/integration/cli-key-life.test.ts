import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findKeysByDigest } from "../../db/queries/find-keys-by-digest.ts";
import { runCli } from "../../scripts/cli/program.ts";
import { defaultKeyPrefixes, makeKeyText } from "../../server/core/key-format.ts";
import { Secret } from "../../server/core/secret.ts";
import { makeKeyDigest } from "../../server/keys/key-digest.ts";
import type { CliRun } from "../support/cli-run.ts";
import { openTestDatabase, type TestDatabase } from "../support/test-database.ts";

const pepper = "cli-life-pepper-Hq0v1W8yR2sT5uX7zB4dF6hJ9kL3mN";
let test: TestDatabase;
let folder: string;

beforeAll(async () => {
  test = await openTestDatabase();
  folder = mkdtempSync(join(tmpdir(), "tollgate-cli-"));
});
afterAll(async () => {
  await test.close();
  rmSync(folder, { recursive: true, force: true });
});

/** In this process: a new one for each of the many calls would take most of the time. */
async function runWith(args: readonly string[], env: Record<string, string>): Promise<CliRun> {
  let out = "";
  let error = "";
  const code = await runCli(args, {
    env: { TOLLGATE_DATA_DIR: join(folder, "data"), ...env },
    out: (text) => void (out += text),
    error: (text) => void (error += text),
  });
  return { code, out, error };
}

function run(args: readonly string[]): Promise<CliRun> {
  return runWith(args, {
    DATABASE_URL: test.url,
    TOLLGATE_PEPPER: pepper,
    TOLLGATE_SEAL_KEY: "cli-life-seal-bZ1bY2cX3dW4eV5fU6gT7hS8iR9jQ0k",
    TOLLGATE_SESSION_SECRET: "cli-life-session-mP1mO2nN3oM4pL5qK6rJ7sI8tH9u",
  });
}

async function makeKey(...more: string[]): Promise<{ text: string; id: string }> {
  const made = await run(["keys", "create", "--json", ...more]);
  expect(made).toMatchObject({ code: 0, error: "" });
  const { api_key: text, public_id: id } = JSON.parse(made.out) as { api_key: string; public_id: string };
  return { text, id };
}

async function findSecret(text: string) {
  const digest = makeKeyDigest(text, { version: 1, value: new Secret(pepper) }).toString("hex");
  return (await findKeysByDigest(test.database.sql, [digest]))[0];
}

describe("keys rotate", () => {
  it("prints the new key once, shows the old one's end, and ends it with --finish", async () => {
    const { text, id } = await makeKey("--name", "Turned");
    const rotated = await run(["keys", "rotate", id, "--overlap", "2h"]);
    expect(rotated).toMatchObject({ code: 0, error: "" });
    const fresh = /API key \(shown once\): (\S+)/.exec(rotated.out)?.[1] ?? "";
    expect((await findSecret(fresh))?.secretRetiresAt).toBeNull();
    expect((await findSecret(text))?.secretRetiresAt?.getTime()).toBeGreaterThan(Date.now() + 3_600_000);
    const shown = await run(["keys", "show", id]);
    expect(shown.out).toMatch(/old secret ends +20/);
    expect(shown.out).toMatch(/old secret used +never/);
    expect(shown.out).not.toContain(fresh.slice(-20));
    expect(await run(["keys", "rotate", id, "--finish"])).toMatchObject({
      code: 0,
      out: `${id} (turned) has one secret.\n`,
    });
    expect((await findSecret(text))?.secretRetiresAt?.getTime()).toBeLessThanOrEqual(Date.now());
    expect((await run(["keys", "rotate", id, "--overlap", "31d"])).code).toBe(2);
    expect((await run(["keys", "rotate", id, "--overlap", "1h", "--finish"])).code).toBe(2);
  });
});

describe("keys that do not exist", () => {
  it("the failure says which one was meant; a whole key that was pasted is not repeated", async () => {
    const { text, id } = await makeKey("--alias", "laptop-of-ann");
    for (const command of [["show"], ["disable"], ["rotate"], ["update", "--name", "x"]]) {
      const [verb = "", ...more] = command;
      const answer = await run(["keys", verb, "laptop-of-ann", ...more]);
      expect([verb, answer.code, answer.out]).toEqual([verb, 1, ""]);
      expect(answer.error).toBe(
        `There is no key with the public id laptop-of-ann; did you mean ${id} (laptop-of-ann)?\n`,
      );
    }
    const unknown = await run(["keys", "revoke", "zzzzzzzzzzzz"]);
    expect(unknown.error).toBe(
      "There is no key with the public id zzzzzzzzzzzz; `tollgate keys list` shows them all.\n",
    );
    const pasted = await run(["keys", "disable", text]);
    expect([pasted.code, pasted.error]).toEqual([1, `That is a whole key, not its public id, which is ${id}.\n`]);
  });
});

describe("keys disable, enable, revoke of many", () => {
  it("has a row for each, and fails where one is refused", async () => {
    const [one, other] = [await makeKey(), await makeKey()];
    expect(await run(["keys", "disable", one.id, other.id])).toMatchObject({ code: 0, error: "" });
    const partly = await run(["keys", "enable", one.id, "zzzzzzzzzzzz"]);
    expect([partly.code, partly.error]).toEqual([1, "1 of 2 were refused.\n"]);
    expect(partly.out).toMatch(new RegExp(`${one.id} +active`));
    const revoked = await run(["keys", "revoke", one.id, other.id, "--cut-streams", "--json"]);
    expect(JSON.parse(revoked.out)).toMatchObject({ results: [{ state: "revoked" }, { state: "revoked" }] });
    const single = await makeKey();
    expect(await run(["keys", "revoke", single.id, "--cut-streams"])).toMatchObject({
      out: `${single.id} is revoked.\n`,
    });
  });
});

describe("keys import", () => {
  it("--from-tensorzero copies its table; again: nothing twice", async () => {
    const other = await openTestDatabase();
    const { sql } = other.database;
    await sql.unsafe(`
      create table tensorzero_auth_api_key (
        id bigserial primary key, organization text not null, workspace text not null, description text,
        public_id char(12) unique not null, hash varchar(255) not null, disabled_at timestamptz,
        created_at timestamptz not null default current_timestamp, updated_at timestamptz not null default current_timestamp,
        expires_at timestamptz)`);
    const rows = Array.from({ length: 1_203 }, (_, index) => {
      const secret = randomBytes(24).toString("hex");
      const id = `Ab${String(index).padStart(10, "0")}`;
      return { id, secret, hash: createHash("sha256").update(secret).digest("hex") };
    });
    await sql`
      insert into tensorzero_auth_api_key (organization, workspace, public_id, hash, description, disabled_at, expires_at)
      select 'default', 'default', id, hash, case when n = 1 then E'made by\nhand' end,
        case when n = 2 then now() end, case when n = 3 then now() - interval '1 day' when n = 4 then now() + interval '9 years' end
      from unnest(${rows.map((row) => row.id)}::text[], ${rows.map((row) => row.hash)}::text[]) with ordinality as t(id, hash, n)`;
    const copied = await run(["keys", "import", "--from-tensorzero", other.url]);
    expect(copied).toMatchObject({ code: 0, error: "" });
    expect(copied.out).toBe(
      "1202 of 1203 get an end: keys end at most 365 days ahead here.\n1203 imported, 0 were there already, 0 refused.\n",
    );
    const stored = await test.database.sql<{ public_id: string; name: string; state: string; digest: string }[]>`
      select k.public_id, k.name, k.state, encode(s.digest, 'hex') as digest
      from api_key k join api_key_secret s using (public_id)
      where k.imported_from = 'tensorzero' and s.pepper_version = 0 order by k.public_id`;
    expect(stored.map((row) => [row.public_id, row.digest])).toEqual(rows.map((row) => [row.id, row.hash]));
    expect(stored.slice(0, 4).map((row) => [row.name, row.state])).toEqual([
      ["made by hand", "active"],
      [null, "disabled"],
      [null, "expired"],
      [null, "active"],
    ]);
    const again = await run(["keys", "import", "--from-tensorzero", other.url, "--json"]);
    expect(JSON.parse(again.out)).toMatchObject({ imported: 0, existing: 1_203, refused: 0 });
    await other.close();
  });

  it("reads a file of opaque keys; says what is refused; names what is missing", async () => {
    const file = join(folder, "keys.json");
    const entry = {
      hash: createHash("sha256").update("sk-some-opaque-key").digest("hex"),
      format: "opaque",
      name: "x",
    };
    writeFileSync(
      file,
      JSON.stringify([entry, { ...entry, hash: entry.hash.replace(/./g, "0"), max_output_tokens: 5 }]),
    );
    const imported = await run(["keys", "import", file]);
    expect([imported.code, imported.out]).toEqual([0, "2 imported, 0 were there already, 0 refused.\n"]);
    writeFileSync(file, JSON.stringify({ keys: [{ ...entry, hash: "zz" }] }));
    const wrong = await run(["keys", "import", file]);
    expect([wrong.code, wrong.out]).toEqual([2, ""]);
    expect(wrong.error).toContain("keys[0].hash");
    expect((await run(["keys", "import"])).code).toBe(2);
    expect((await run(["keys", "import", join(folder, "none.json")])).code).toBe(2);
    const notTensorzero = await run(["keys", "import", "--from-tensorzero", test.url]);
    expect([notTensorzero.code, notTensorzero.out]).toEqual([1, ""]);
    expect(notTensorzero.error).toContain("has no table tensorzero_auth_api_key");
  });
});

describe("keys scan", () => {
  const make = () => makeKeyText("production", defaultKeyPrefixes, randomBytes);
  /** Offline: neither a database nor a right config. */
  const scan = (...args: string[]) =>
    runWith(["keys", "scan", ...args], { DATABASE_URL: "postgres://127.0.0.1:1/none", PORT: "x" });

  it("finds keys by line, in large files too, and never prints one; exit 1", async () => {
    const root = join(folder, "tree");
    for (const sub of ["src", "node_modules/pkg", ".git"]) mkdirSync(join(root, sub), { recursive: true });
    const keys = Array.from({ length: 6 }, make);
    const at = (index: number) => keys[index]?.text ?? "";
    writeFileSync(join(root, "src", "env"), `# none\nexport KEY=${at(0)}\nOTHER="${at(1)}"\n`);
    writeFileSync(join(root, "node_modules/pkg/index.js"), at(2));
    writeFileSync(join(root, ".git", "config"), at(3));
    writeFileSync(join(root, "binary"), Buffer.concat([Buffer.from([1, 0, 2]), Buffer.from(at(4))]));
    const large = join(root, "large.log");
    writeFileSync(large, "");
    // A key over each border of the pieces that it is read in.
    const line = `${"x".repeat(78)}\n`;
    let size = 0;
    for (let piece = 1; piece <= 8; piece++) {
      const filler = piece * 256 * 1024 - 40 - size;
      const text = `${line.repeat(Math.floor(filler / line.length))}${" ".repeat(filler % line.length)}${at(5)}\n`;
      appendFileSync(large, text);
      size += text.length;
    }
    symlinkSync(join(root, "src"), join(root, "link"));

    const found = await scan(root);
    expect([found.code, found.error]).toEqual([1, "10 keys in 2 files.\n"]);
    expect(found.out).toContain(`${join(root, "src", "env")}:2:12: ${keys[0]?.publicId} (prod_…)\n`);
    expect(found.out).toContain(`${join(root, "src", "env")}:3:8: ${keys[1]?.publicId} (prod_…)\n`);
    expect(found.out.split("\n").filter((text) => text.includes(String(keys[5]?.publicId)))).toHaveLength(8);
    for (const { text } of keys) expect(found.out + found.error).not.toContain(text.slice(-40));

    const all = await scan("--all", "--json", root);
    const answer = JSON.parse(all.out) as { keys: { file: string; line: number; public_id: string }[] };
    expect(answer.keys).toHaveLength(13);
    const lines = readFileSync(large, "utf8").split("\n");
    const inLarge = answer.keys.filter((key) => key.file === large);
    for (const key of inLarge) expect(lines[key.line - 1]).toContain(at(5));
    expect(new Set(inLarge.map((key) => key.line)).size).toBe(8);
  });

  it("exit 0 without any; exit 2 for a path that is not there", async () => {
    const clean = join(folder, "clean.txt");
    writeFileSync(clean, `prod_${"a".repeat(12)}_${"B".repeat(48)}\n`);
    expect(await scan(clean)).toMatchObject({ code: 0, out: "No keys in 1 file.\n", error: "" });
    const missing = await scan(join(folder, "missing"));
    expect([missing.code, missing.out]).toEqual([2, ""]);
  });
});
