import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../../../server/platform/config.ts";
import { ConfigError } from "../../../server/platform/config-error.ts";
import { anyCharacter } from "../../support/any-character.ts";

const root = join(import.meta.dirname, "../../..");
const complete = readFileSync(join(root, "tollgate.example.toml"), "utf8").replace(/^#(?=[a-z[])/gm, "");
const lines = complete.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-fuzz-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Loads, and says whether it was taken. Anything thrown that is not a ConfigError with a path on each line fails the test. */
function isTaken(toml: string | Uint8Array, env: Record<string, string>): boolean {
  const configFile = join(folder, "tollgate.toml");
  writeFileSync(configFile, toml);
  try {
    loadConfig({ env: { TOLLGATE_DATA_DIR: join(folder, "data"), ...env }, configFile, readOnly: true });
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (error.mistakes.length === 0) throw new Error("refused without a mistake", { cause: error });
    for (const { path, found, allowed } of error.mistakes) {
      const wrong =
        path === "" || found === "" || allowed === "" || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(path + found + allowed);
      if (wrong) throw new Error(JSON.stringify({ path, found, allowed }), { cause: error });
    }
    return false;
  }
}

const value = fc.oneof(
  fc.constantFrom(
    "0",
    "-1",
    "1e308",
    "nan",
    "-inf",
    "''",
    "true",
    "[]",
    "{}",
    "1979-05-27",
    "[[1]]",
    "{ a = 1 }",
    "99999999999999999999",
    "'tensorzero::x'",
    "'env::'",
    "'path::/'",
    "{ default = 'env::A', fallback = 'path::' }",
  ),
  fc.string({ maxLength: 20, unit: anyCharacter }).map((text) => JSON.stringify(text)),
  fc.integer().map(String),
);
const key = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "toString", "routing", "providers", "type", "defaults", "a.b"),
  fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text)),
);

const mutation = fc.oneof(
  fc.record({ kind: fc.constant("value" as const), line: fc.nat(lines.length - 1), value }),
  fc.record({ kind: fc.constant("key" as const), line: fc.nat(lines.length - 1), key }),
  fc.record({ kind: fc.constant("drop" as const), line: fc.nat(lines.length - 1) }),
  fc.record({ kind: fc.constant("repeat" as const), line: fc.nat(lines.length - 1), to: fc.nat(lines.length - 1) }),
  fc.record({ kind: fc.constant("cut" as const), line: fc.nat(lines.length - 1), at: fc.nat(40) }),
  fc.record({
    kind: fc.constant("insert" as const),
    line: fc.nat(lines.length - 1),
    text: fc.string({ maxLength: 30, unit: anyCharacter }),
  }),
);

function mutate(mutations: readonly (typeof mutation extends fc.Arbitrary<infer T> ? T : never)[]): string {
  const out = [...lines];
  for (const change of mutations) {
    const line = out[change.line] ?? "";
    if (change.kind === "value") out[change.line] = line.replace(/=.*$/, () => `= ${change.value}`);
    if (change.kind === "key")
      out[change.line] = line.replace(/^(\[?)[^\s=\]]+/, (_, open: string) => `${open}${change.key}`);
    if (change.kind === "drop") out[change.line] = "";
    if (change.kind === "repeat") out[change.to] = line;
    if (change.kind === "cut") out[change.line] = line.slice(0, change.at);
    if (change.kind === "insert") out[change.line] = `${line}\n${change.text}`;
  }
  return out.join("\n");
}

test("a changed example is taken, or refused with a path on every line, and nothing else happens", () => {
  let taken = 0;
  let refused = 0;
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), fc.boolean(), (mutations, credentials) => {
      if (isTaken(mutate(mutations), credentials ? { OPENAI_API_KEY: "sk-1", AZURE_API_KEY: "az-1" } : {})) taken++;
      else refused++;
    }),
    { numRuns: 1_000 },
  );
  // Both happen, else the mutations prove nothing.
  expect(taken).toBeGreaterThan(20);
  expect(refused).toBeGreaterThan(500);
}, 60_000);

test("any bytes as a file", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void isTaken(bytes, {})),
    { numRuns: 500 },
  );
  expect(isTaken(new Uint8Array([0xff, 0xfe, 0x00]), {})).toBe(false);
  expect(isTaken("", {})).toBe(true);
}, 60_000);

test("any text in any variable", () => {
  const names = [
    "HOST",
    "PORT",
    "DATABASE_URL",
    "REDIS_URL",
    "TOLLGATE_ROLE",
    "TOLLGATE_LOG_LEVEL",
    "TOLLGATE_PEPPER",
    "TOLLGATE_PEPPER_PREVIOUS",
    "TOLLGATE_SEAL_KEY",
    "TOLLGATE_SESSION_SECRET",
    "OPENAI_API_KEY",
  ];
  let refused = 0;
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom(...names), fc.string({ maxLength: 50, unit: anyCharacter }), { minKeys: 1 }),
      (env) => {
        if (!isTaken("", env)) refused++;
      },
    ),
    { numRuns: 1_000 },
  );
  expect(refused).toBeGreaterThan(500);
}, 60_000);
