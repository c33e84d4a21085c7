import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Config, loadConfig } from "../../../server/platform/config.ts";
import { ConfigError } from "../../../server/platform/config-error.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-config-secrets-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const names = ["TOLLGATE_PEPPER", "TOLLGATE_SEAL_KEY", "TOLLGATE_SESSION_SECRET"] as const;
const fresh = (): string => randomBytes(48).toString("base64");
const good = (): Record<string, string> => ({
  DATABASE_URL: "postgres://h/db",
  TOLLGATE_PEPPER: fresh(),
  TOLLGATE_SEAL_KEY: fresh(),
  TOLLGATE_SESSION_SECRET: fresh(),
});

function load(env: Record<string, string | undefined>): Config {
  return loadConfig({ env: { TOLLGATE_DATA_DIR: join(folder, "data"), ...env } });
}

function mistakes(env: Record<string, string | undefined>): string[] {
  try {
    load(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

describe("with a database of one's own", () => {
  test("the secrets come from the environment, and nothing is written", () => {
    const env = good();
    const config = load(env);
    expect(config.peppers.map((pepper) => [pepper.version, pepper.value.reveal()])).toEqual([[1, env.TOLLGATE_PEPPER]]);
    expect(config.sealKey.reveal()).toBe(env.TOLLGATE_SEAL_KEY);
    expect(config.sessionSecret.reveal()).toBe(env.TOLLGATE_SESSION_SECRET);
    expect(existsSync(join(folder, "data"))).toBe(false);
  });

  test("missing ones are told together", () => {
    expect(mistakes({ DATABASE_URL: "postgres://h/db" }).map((line) => line.split(";")[0])).toEqual(
      names.map((name) => `${name}: not set`),
    );
  });

  const bad: [string, string][] = [
    ["empty", ""],
    ["blank", " \n"],
    ["short", fresh().slice(0, 31)],
    ["one character", "x".repeat(64)],
    ["a pattern", "abcdefghij".repeat(5)],
    ["few characters", "abcabdacdbca".repeat(3) + "b".repeat(7)],
    ["changeme", `changeme${"0a9b8c7d6e5f".repeat(4)}`],
    ["change-me", `please-CHANGE-me-${fresh()}`],
    ["an example", `example-${fresh()}`],
    ["the example file's", "replace-with-the-output-of-openssl-rand-base64-48"],
    ["a default", "tollgate-default-secret-of-the-gateway"],
    ["a password", "my-very-secure-password-for-the-gateway-1"],
  ];
  test.each(names.flatMap((name) => bad.map(([what, value]) => [name, what, value] as const)))(
    "%s may not be %s",
    (name, _what, value) => {
      const lines = mistakes({ ...good(), [name]: value });
      expect(lines).toEqual([
        expect.stringMatching(`^${name}: .*; must be 32 random bytes or more; make one with: openssl rand -base64 48$`),
      ]);
      expect(lines.map((line) => line.includes(value) && value.length > 8)).toEqual([false]);
    },
  );

  test("no two may be equal, whatever their version", () => {
    const same = fresh();
    const pairs = [
      { TOLLGATE_PEPPER: same, TOLLGATE_SEAL_KEY: same },
      { TOLLGATE_PEPPER: `3:${same}`, TOLLGATE_SESSION_SECRET: same },
      { TOLLGATE_SEAL_KEY: same, TOLLGATE_SESSION_SECRET: ` ${same} ` },
      { TOLLGATE_PEPPER: `2:${same}`, TOLLGATE_PEPPER_PREVIOUS: `1:${same}` },
      { TOLLGATE_PEPPER: "2:".concat(fresh()), TOLLGATE_PEPPER_PREVIOUS: same, TOLLGATE_SEAL_KEY: same },
    ];
    for (const pair of pairs) {
      expect(mistakes({ ...good(), ...pair })).toEqual([
        expect.stringMatching(/^TOLLGATE_[A-Z_]+: the same as TOLLGATE_[A-Z_]+;/),
      ]);
    }
  });

  test("two peppers are valid while one is rotated, newest first", () => {
    const [current, previous] = [fresh(), fresh()];
    const config = load({ ...good(), TOLLGATE_PEPPER: `2:${current}`, TOLLGATE_PEPPER_PREVIOUS: previous });
    expect(config.peppers.map((pepper) => [pepper.version, pepper.value.reveal()])).toEqual([
      [2, current],
      [1, previous],
    ]);
  });

  test.each([
    ["0:", "1:"],
    ["32768:", "1:"],
    ["1:", "1:"],
    ["", ""],
    ["2:", "3:"],
  ])("versions %j and %j are refused", (current, previous) => {
    const lines = mistakes({
      ...good(),
      TOLLGATE_PEPPER: current + fresh(),
      TOLLGATE_PEPPER_PREVIOUS: previous + fresh(),
    });
    expect(lines).toEqual([expect.stringMatching(/^TOLLGATE_PEPPER(_PREVIOUS)?: version \d+; must be/)]);
  });
});

describe("with the embedded database", () => {
  test("the environment wins over the file, one by one", () => {
    const first = load({});
    const sealKey = fresh();
    const second = load({ TOLLGATE_SEAL_KEY: sealKey });
    expect(second.sealKey.reveal()).toBe(sealKey);
    expect(second.sessionSecret.equals(first.sessionSecret)).toBe(true);
    expect(second.peppers[0]?.value.reveal()).toBe(first.peppers[0]?.value.reveal());
  });

  test("all three in the environment need no file", () => {
    const { DATABASE_URL: _, ...env } = good();
    expect(load(env).sealKey.reveal()).toBe(env.TOLLGATE_SEAL_KEY);
    expect(existsSync(join(folder, "data"))).toBe(false);
  });

  test("an empty variable is no reason to take the file's", () => {
    load({});
    expect(mistakes({ TOLLGATE_PEPPER: "" })).toEqual([expect.stringMatching(/^TOLLGATE_PEPPER: empty;/)]);
  });
});
