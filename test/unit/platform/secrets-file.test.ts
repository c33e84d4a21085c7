import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../../server/platform/config.ts";
import { ConfigError, type ConfigMistake } from "../../../server/platform/config-error.ts";
import { insertSecretsFile, loadSecretsFile, makeSecretTexts } from "../../../server/platform/secrets-file.ts";

const root = join(import.meta.dirname, "../../..");
let folder: string;
let dataDir: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-secrets-"));
  dataDir = join(folder, "data");
  file = join(dataDir, "secrets.json");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const load = (more: { readOnly?: boolean; env?: Record<string, string> } = {}) =>
  loadConfig({
    env: { TOLLGATE_DATA_DIR: dataDir, TOLLGATE_CONFIG: join(root, "tollgate.example.toml"), ...more.env },
    readOnly: more.readOnly ?? false,
  });

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

describe("the first start", () => {
  test("makes the secrets, for this user only, and leaves no draft; the second reads them", () => {
    const first = load();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(readdirSync(dataDir)).toEqual(["secrets.json"]);
    const second = load();
    expect(second.peppers.map(({ version, value }) => [version, value.reveal()])).toEqual([
      [1, first.peppers[0]?.value.reveal()],
    ]);
    expect(second.sealKey.equals(first.sealKey)).toBe(true);
    expect(second.sessionSecret.equals(first.sessionSecret)).toBe(true);
    expect(
      new Set([first.sealKey, first.sessionSecret, first.peppers[0]?.value].map((secret) => secret?.reveal())).size,
    ).toBe(3);
    expect(first.sealKey.reveal()).toMatch(/^[0-9a-f]{64}$/);
  });

  test("writes nothing while something else is wrong, or when it may only read", () => {
    expect(messageOf(() => load({ env: { PORT: "x" } }))).toMatch(/^PORT: /);
    expect(load({ readOnly: true }).peppers).toHaveLength(1);
    expect(existsSync(dataDir)).toBe(false);
  });

  test("the first of two sets stays", () => {
    const mistakes: ConfigMistake[] = [];
    const [one, other] = [makeSecretTexts(), makeSecretTexts()];
    expect(insertSecretsFile(dataDir, one, mistakes)).toBe(true);
    expect(insertSecretsFile(dataDir, other, mistakes)).toBe(true);
    expect(loadSecretsFile(dataDir, mistakes)).toEqual(one);
    expect(mistakes).toEqual([]);
  });
});

describe("a file that cannot be used stops the start, and is left alone", () => {
  test.each([0o640, 0o604, 0o660, 0o666])("mode %o: the message says chmod", (mode) => {
    load();
    chmodSync(file, mode);
    const before = readFileSync(file, "utf8");
    expect(messageOf(() => load())).toBe(
      `${file}: mode ${mode.toString(8)}: others than its owner may use it; must be 600: chmod 600 ${file}`,
    );
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  test("a folder that others may write", () => {
    load();
    chmodSync(dataDir, 0o777);
    expect(messageOf(() => load())).toBe(
      `${dataDir}: mode 777: others than its owner may put files there; must be 700: chmod 700 ${dataDir}`,
    );
  });

  test.each([
    ["", "not JSON"],
    ["{", "not JSON"],
    ["[]", "must be a table"],
    ["null", "must be a table"],
    ["{}", "pepper: missing; must be a text"],
    [
      JSON.stringify({ pepper: 3, seal_key: "abc-secret", session_secret: "", sealkey: "x" }),
      "pepper: found an empty list",
    ],
    [JSON.stringify({ ...makeSecretTexts(), sealkey: "abc-secret" }), "sealkey: unknown key; did you mean seal_key?"],
    [JSON.stringify({ ...makeSecretTexts(), seal_key: "abc-secret" }), "seal_key: too short, 10 bytes"],
  ])("%s", (text, expected) => {
    mkdirSync(dataDir, { mode: 0o700 });
    writeFileSync(file, text, { mode: 0o600 });
    const message = messageOf(() => load());
    expect(message).toContain(expected);
    expect(message).toContain(file);
    expect(message).not.toContain("abc-secret");
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  test("a folder that cannot be made", () => {
    writeFileSync(dataDir, "a file");
    expect(messageOf(() => load())).toMatch(/secrets\.json: cannot be (read|written) \(ENOTDIR\);/);
  });
});
