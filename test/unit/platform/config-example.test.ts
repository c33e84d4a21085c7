import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { parse } from "smol-toml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../../server/platform/config.ts";
import type { ConfigError } from "../../../server/platform/config-error.ts";
import { listConfigKeys } from "../../../server/platform/config-section.ts";

const root = join(import.meta.dirname, "../../..");
const example = readFileSync(join(root, "tollgate.example.toml"), "utf8");
/** The example with everything switched on that is switched off. */
const complete = example.replace(/^#(?=[a-z[])/gm, "");
const envExample = readFileSync(join(root, ".env.example"), "utf8");
const allVariables = parseEnv(envExample.replace(/^#(?=[A-Z])/gm, "")) as Record<string, string>;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-example-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(toml: string, env: Record<string, string | undefined>) {
  const configFile = join(folder, "tollgate.toml");
  writeFileSync(configFile, toml);
  return loadConfig({ env: { TOLLGATE_DATA_DIR: join(folder, "data"), ...env }, configFile, readOnly: true });
}

function listPaths(value: unknown, path: string, known: ReadonlySet<string>): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  // A credential location may be a text or a table: the table shows both.
  const own = known.has(path) ? [path] : [];
  const below = Object.entries(value).flatMap(([name, entry]) => {
    const named = path === "" ? name : `${path}.${name}`;
    const starred = `${path}.*`;
    const isKnown = [...known].some((key) => key === named || key.startsWith(`${named}.`));
    return listPaths(entry, isKnown ? named : starred, known);
  });
  return [...own, ...below];
}

describe("tollgate.example.toml", () => {
  test("loads as it is, without any credential, and says the defaults", () => {
    const config = load(example, {});
    const { models, prices, configHash, configFile, ...rest } = config;
    const { models: _, prices: __, configHash: hash, configFile: __file, ...defaults } = load("", {});
    expect([...models.keys()]).toEqual(["demo"]);
    expect([...prices.keys()]).toEqual(["demo"]);
    expect(configHash).not.toBe(hash);
    expect(configFile.sections.length).toBeGreaterThan(1);
    expect(JSON.stringify(rest)).toBe(JSON.stringify(defaults));
    expect(models.get("demo")?.providers[0]?.echo).toEqual({ delayMs: 0, tokensPerSecond: 0, failWithStatus: 0 });
  });

  test("loads with all its examples switched on", () => {
    const config = load(complete, { OPENAI_API_KEY: "sk-1", AZURE_API_KEY: "az-1" });
    expect([...config.models.keys()]).toEqual(["demo", "chat", "shared", "cloud"]);
    const { timeouts, retriesMax } = load("", {}).shorthands.get("openai") ?? {};
    expect(config.models.get("chat")?.providers[0]).toMatchObject({ timeouts, retriesMax, modelName: "gpt-5-mini" });
  });

  test("holds every key that there is", () => {
    const known = listConfigKeys();
    expect(known.length).toBeGreaterThan(50);
    const shown = new Set(listPaths(parse(complete), "", new Set(known)));
    expect(known.filter((key) => !shown.has(key))).toEqual([]);
    expect([...shown].filter((key) => !known.includes(key))).toEqual([]);
  });
});

describe(".env.example", () => {
  test("sets nothing as it is", () => {
    expect(parseEnv(envExample)).toEqual({});
  });

  test("names every variable that is read", () => {
    const read = new Set<string>();
    const env = new Proxy<Record<string, string>>(
      {},
      {
        get: (_, name) => {
          read.add(String(name));
          return undefined;
        },
      },
    );
    loadConfig({ env, readOnly: true });
    const named = Object.keys(allVariables);
    expect([...read].filter((name) => !named.includes(name))).toEqual([]);
    expect(named.filter((name) => !read.has(name))).toEqual([]);
  });

  test("its addresses are right, and each of its secrets is refused", () => {
    const env = { ...allVariables, TOLLGATE_CONFIG: undefined, OPENAI_API_KEY: undefined, SGLANG_API_KEY: undefined };
    let lines: string[] = [];
    try {
      load("", env);
    } catch (error) {
      lines = (error as ConfigError).message.split("\n");
    }
    expect(lines).toEqual(
      ["PEPPER", "PEPPER_PREVIOUS", "SEAL_KEY", "SEAL_KEY_PREVIOUS", "SESSION_SECRET", "LEAK_SECRET"].map((name) =>
        expect.stringMatching(`^TOLLGATE_${name}: an example or default value;`),
      ),
    );
  });
});
