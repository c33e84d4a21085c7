import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Config, loadConfig } from "../../../server/platform/config.ts";
import { ConfigError } from "../../../server/platform/config-error.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-models-"));
  writeFileSync(join(folder, "good.key"), "  sk-from-file\n");
  writeFileSync(join(folder, "empty.key"), "\n");
  writeFileSync(join(folder, "two-lines.key"), "sk-a\nsk-b\n");
  mkdirSync(join(folder, "folder.key"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(toml: string, env: Record<string, string> = {}): Config {
  const configFile = join(folder, "tollgate.toml");
  writeFileSync(configFile, toml);
  return loadConfig({ env: { TOLLGATE_DATA_DIR: join(folder, "data"), ...env }, configFile, readOnly: true });
}

function mistakes(toml: string, env: Record<string, string> = {}): string {
  try {
    load(toml, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
}

const provider = (lines: string): string =>
  `[models.gpt]\nrouting = ["openai"]\n[models.gpt.providers.openai]\n${lines}`;
const openai = (location: string): string => provider(`type = "openai"\napi_key_location = ${location}`);
const path = "models.gpt.providers.openai.api_key_location";

describe("credential locations", () => {
  test.each([
    ['"env::MY_KEY"', "sk-env"],
    ['"path::good.key"', "sk-from-file"],
    ['"path_from_env::MY_FILE"', "sk-from-file"],
    ['"none"', undefined],
    ['{ default = "env::NOT_SET", fallback = "env::MY_KEY" }', "sk-env"],
    ['{ default = "path::good.key", fallback = "env::NOT_SET" }', "sk-from-file"],
  ])("%s", (location, expected) => {
    const config = load(openai(location), { MY_KEY: " sk-env\n", MY_FILE: join(folder, "good.key") });
    expect(config.models.get("gpt")?.providers[0]?.credential?.reveal()).toBe(expected);
  });

  test.each([
    ['"env::NOT_SET"', "environment variable NOT_SET is not set;"],
    ['"env::EMPTY"', "environment variable EMPTY is empty;"],
    ['"env::SPLIT"', "environment variable SPLIT holds a space, line end"],
    ['"path::nowhere.key"', "file nowhere.key cannot be read (ENOENT);"],
    ['"path::empty.key"', "file empty.key is empty;"],
    ['"path::two-lines.key"', "file two-lines.key holds a space, line end"],
    ['"path::folder.key"', "file folder.key is not a regular file;"],
    ['"path_from_env::SPLIT"', "the file that SPLIT names cannot be read (ENOENT);"],
    [
      '{ default = "env::A", fallback = "env::B" }',
      "environment variable A is not set, and environment variable B is not set;",
    ],
    ['"sdk"', "sdk is for AWS and Google Vertex;"],
    ['"dynamic::"', "a text of 9 characters that is not a location;"],
    ['"dynamic::a b"', "a text of 12 characters that is not a location;"],
    ['"vault::Team"', "a text of 11 characters that is not a location;"],
    ['{ default = "dynamic::k", fallback = "env::A" }', "environment variable A is not set;"],
    ['"sk-proj-pasted"', "a text of 14 characters that is not a location;"],
    ['"env::sk-proj-pasted"', "a text of 19 characters that is not a location;"],
    ['{ default = "env::A" }', "found a table; must be a location"],
    ["3", "found 3; must be a location"],
  ])("%s is refused", (location, expected) => {
    const message = mistakes(openai(location), { EMPTY: "", SPLIT: "sk-proj one" });
    expect(message).toContain(`${path}: ${expected}`);
    expect(message).not.toMatch(/sk-/);
  });

  test("without a location the type's default holds, and the message names model, provider and variable", () => {
    expect(mistakes(provider('type = "openai"'))).toContain(`${path}: environment variable OPENAI_API_KEY is not set`);
    const config = load(provider('type = "openai"'), { OPENAI_API_KEY: "sk-1" });
    expect(config.models.get("gpt")?.providers[0]).toMatchObject({
      apiBase: "https://api.openai.com/v1",
      modelName: null,
    });
    expect(config.shorthands.get("openai")?.credential?.reveal()).toBe("sk-1");
  });

  test("a missing one of a shorthand stops the start only where the config names it", () => {
    expect(load("").shorthands.get("openai")?.credentialMissing).toContain("OPENAI_API_KEY");
    const toml = '[provider_types.openai.defaults]\napi_key_location = "env::TEAM_KEY"';
    expect(mistakes(toml)).toContain(
      "provider_types.openai.defaults.api_key_location: environment variable TEAM_KEY is not set",
    );
    expect(load(toml, { TEAM_KEY: "sk-2" }).shorthands.get("openai")?.credential?.reveal()).toBe("sk-2");
  });

  test("a provider outside of the routing needs none", () => {
    const toml = `[models.m]\nrouting = ["a"]\n[models.m.providers.a]\ntype = "echo"\n[models.m.providers.b]\ntype = "openai"`;
    expect(
      load(toml)
        .models.get("m")
        ?.providers.map((one) => one.name),
    ).toEqual(["a"]);
  });
});

describe("addresses and behaviour", () => {
  test.each([
    ["https://h/v1/", "https://h/v1"],
    ["http://10.0.0.1:8000", "http://10.0.0.1:8000"],
    ["HTTPS://Example.COM/A/", "https://example.com/A"],
  ])("api_base %s", (text, expected) => {
    const config = load(provider(`type = "vllm"\napi_base = "${text}"`));
    expect(config.models.get("gpt")?.providers[0]?.apiBase).toBe(expected);
  });

  test.each([
    "ftp://h",
    "h:80",
    "//h/v1",
    "https://",
    "https://u:pw-secret@h",
    "https://h?a=1",
    "https://h#x",
    "http:h",
    "",
  ])("api_base %j is refused", (text) => {
    const message = mistakes(provider(`type = "vllm"\napi_base = "${text}"`));
    expect(message).toMatch(/^models\.gpt\.providers\.openai\.api_base: /);
    expect(message).not.toContain("pw-secret");
  });

  test("types without a known address need one, from the provider or from the type", () => {
    expect(mistakes(provider('type = "vllm"'))).toContain("models.gpt.providers.openai.api_base: missing");
    const config = load(`${provider('type = "vllm"')}\n[provider_types.vllm.defaults]\napi_base = "http://h/v1"`);
    expect(config.models.get("gpt")?.providers[0]?.apiBase).toBe("http://h/v1");
    expect(config.shorthands.get("vllm")?.apiBase).toBe("http://h/v1");
  });

  test("what a provider leaves out comes from its type, then from the product", () => {
    const type =
      '[provider_types.openai.defaults]\napi_key_location = "none"\nretries = 5\ntimeouts = { connect_ms = 7, idle_ms = 8 }';
    const config = load(`${provider('type = "openai"\ntimeouts = { idle_ms = 9 }')}\n${type}`);
    expect(config.models.get("gpt")?.providers[0]).toMatchObject({
      retriesMax: 5,
      timeouts: { connectMs: 7, idleMs: 9, firstByteMs: 600_000, totalMs: 1_800_000 },
    });
  });

  test("keys of echo are for echo", () => {
    const config = load(provider('type = "echo"\ndelay_ms = 5\ntokens_per_second = 10.5\nfail_with_status = 503'));
    expect(config.models.get("gpt")?.providers[0]?.echo).toEqual({
      delayMs: 5,
      tokensPerSecond: 10.5,
      failWithStatus: 503,
    });
    expect(mistakes(provider('type = "echo"\napi_base = "http://h"'))).toContain(
      "api_base: not for a provider of type echo",
    );
    expect(mistakes(provider('type = "vllm"\napi_base = "http://h"\ndelay_ms = 1'))).toContain(
      "delay_ms: not for a provider of type vllm",
    );
  });
});

describe("prices", () => {
  const priced = (lines: string): string => `${provider('type = "echo"')}\n[prices.gpt]\n${lines}`;

  test("are exact, as a number and as a text", () => {
    const number = load(
      priced("input_usd_per_million = 0.075\noutput_usd_per_million = 0.3\ncached_input_usd_per_million = 1e-9"),
    ).prices.get("gpt");
    const text = load(
      priced(
        'cached_input_usd_per_million = "0.000000001"\noutput_usd_per_million = "0.30"\ninput_usd_per_million = "0.075"',
      ),
    ).prices.get("gpt");
    expect(number).toMatchObject({
      input: { base: 75_000_000n, tiers: [] },
      output: { base: 300_000_000n },
      cachedInput: { base: 1n },
    });
    expect(text).toEqual(number);
    expect(number?.id).toMatch(/^config:gpt:[0-9a-f]{8}$/);
    expect(number).not.toHaveProperty("reasoning");
  });

  test("another rate is another id", () => {
    const id = (rate: string): string | undefined =>
      load(priced(`input_usd_per_million = 1\noutput_usd_per_million = ${rate}`)).prices.get("gpt")?.id;
    expect(id("2")).not.toBe(id("3"));
    expect(id("2")).toBe(id('"2.000"'));
  });

  test.each(["-1", "1e-10", "0.0000000015", '"0.0000000001"', "nan", "inf", '"1,5"', '""', "true", "1e15", "-0.0"])(
    "%s is refused",
    (rate) => {
      expect(mistakes(priced(`input_usd_per_million = 1\noutput_usd_per_million = ${rate}`))).toMatch(
        /^prices\.gpt\.output_usd_per_million: found .*; must be USD per million tokens/,
      );
    },
  );

  test("belong to a model that can be called", () => {
    expect(
      load('[prices."openai::gpt-5-mini"]\ninput_usd_per_million = 1\noutput_usd_per_million = 2').prices.size,
    ).toBe(1);
    expect(mistakes("[prices.nobody]\ninput_usd_per_million = 1\noutput_usd_per_million = 2")).toContain(
      "prices.nobody: no such model",
    );
  });
});
