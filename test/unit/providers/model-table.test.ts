import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPriceBook } from "../../../server/limits/price-book.ts";
import { loadConfig } from "../../../server/platform/config.ts";
import { type ModelTable, openModelTable, type ResolvedModel } from "../../../server/providers/model-table.ts";

const toml = `
[models.fast]
routing = ["own", "openai"]
output_tokens_max = 512
[models.fast.providers.openai]
type = "openai"
model_name = "gpt-5-mini"
[models.fast.providers.own]
type = "vllm"
api_base = "http://10.0.0.1:8000/serving/v1/"
model_name = "llama"
timeouts = { total_ms = 5 }
[models.demo]
routing = ["e"]
[models.demo.providers.e]
type = "echo"
delay_ms = 3
[prices.fast]
input_usd_per_million = 1
output_usd_per_million = 1
[prices."vllm::llama"]
input_usd_per_million = 2
output_usd_per_million = 2
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-table-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function open(text: string, env: Record<string, string> = {}): ModelTable {
  const configFile = join(folder, "tollgate.toml");
  writeFileSync(configFile, text);
  const config = loadConfig({ env: { TOLLGATE_DATA_DIR: join(folder, "data"), ...env }, configFile, readOnly: true });
  return openModelTable(config, openPriceBook(config.prices));
}

function model(table: ModelTable, name: string): ResolvedModel {
  const found = table.find(name);
  if (found === null || "credentialMissing" in found) throw new Error(`${name} is not a model`);
  return found;
}

describe("configured models", () => {
  const table = () => open(toml, { OPENAI_API_KEY: "sk-1" });

  test("have their providers in routing order, complete", () => {
    const fast = model(table(), "fast");
    expect(fast).toMatchObject({ name: "fast", outputTokensMax: 512 });
    expect(fast.targets).toHaveLength(2);
    expect(fast.targets[0]).toMatchObject({
      providerName: "own",
      type: "vllm",
      upstreamModel: "llama",
      origin: "http://10.0.0.1:8000",
      basePath: "/serving/v1",
      credential: null,
      outputTokensMax: 512,
      timeouts: { connectMs: 10_000, totalMs: 5 },
      retriesMax: 2,
      echo: null,
    });
    expect(fast.targets[1]).toMatchObject({
      upstreamModel: "gpt-5-mini",
      origin: "https://api.openai.com",
      basePath: "/v1",
    });
    expect(fast.targets[1]?.credential?.reveal()).toBe("sk-1");
    // The override is by the name that clients call, so it holds for each provider of it.
    expect(new Set(fast.targets.map((target) => target.price?.id)).size).toBe(1);
    expect(fast.targets[0]?.price?.id).toMatch(/^config:fast:/);
  });

  test("are listed, in the file's order", () => {
    expect(table().list()).toEqual(["fast", "demo"]);
  });

  test("echo behaves as the file says", () => {
    const demo = model(table(), "demo");
    expect(demo.targets[0]).toMatchObject({
      type: "echo",
      origin: null,
      basePath: "",
      echo: { delayMs: 3, tokensPerSecond: 0, failWithStatus: 0 },
    });
    expect(demo.targets[0]?.price?.id).toBe("builtin:echo");
  });

  test("are found by TensorZero's spelling, under their own name", () => {
    const opened = table();
    expect(opened.find("tensorzero::model_name::fast")).toBe(opened.find("fast"));
    expect(model(opened, "tensorzero::model_name::openai::gpt-5-mini").name).toBe("openai::gpt-5-mini");
  });
});

describe("shorthands", () => {
  test("any echo model, priced", () => {
    const table = open("");
    for (const name of ["echo::x", "echo::gpt-4.1", "echo::a::b", "echo::ein Wort"]) {
      const found = model(table, name);
      expect(found).toMatchObject({ name, outputTokensMax: null });
      expect(found.targets).toHaveLength(1);
      expect(found.targets[0]).toMatchObject({ upstreamModel: name.slice("echo::".length), providerName: "echo" });
      expect(found.targets[0]?.price?.id).toBe("builtin:echo");
    }
  });

  test("with a credential they are models, priced by the catalogue or not at all", () => {
    const table = open("", { OPENAI_API_KEY: "sk-1" });
    expect(model(table, "openai::gpt-5-mini").targets[0]).toMatchObject({
      upstreamModel: "gpt-5-mini",
      price: { id: "genai-prices@0.1.8:openai:gpt-5-mini" },
    });
    expect(model(table, "openai::of-tomorrow").targets[0]?.price).toBeNull();
    expect(table.find("openai::gpt-5-mini")).toBe(table.find("openai::gpt-5-mini"));
  });

  test("without one they say what is missing", () => {
    const table = open("");
    expect(table.find("openai::gpt-5-mini")).toEqual({
      name: "openai::gpt-5-mini",
      providerType: "openai",
      credentialMissing: "environment variable OPENAI_API_KEY is not set",
    });
    expect(table.find("tensorzero::model_name::vllm::llama")).toEqual({
      name: "vllm::llama",
      providerType: "vllm",
      credentialMissing: "provider_types.vllm.defaults.api_base is not set",
    });
  });

  test("a type's address and an override for the shorthand", () => {
    const table = open(`${toml}\n[provider_types.vllm.defaults]\napi_base = "http://h:1"`, { OPENAI_API_KEY: "sk-1" });
    expect(model(table, "vllm::llama").targets[0]).toMatchObject({
      origin: "http://h:1",
      basePath: "",
      price: { input: { base: 2_000_000_000n } },
    });
    expect(model(table, "vllm::other").targets[0]?.price).toBeNull();
  });

  test.each([
    "",
    "nothing",
    "Fast",
    "fast ",
    "echo::",
    "echo:: x",
    "::x",
    "echo:x",
    "Echo::x",
    "antropic::claude",
    "toString::x",
    "__proto__::x",
    "echo::a\nb",
    "echo::a\tb",
    "echo::\u202e",
    "echo::\ud800",
    `echo::${"x".repeat(251)}`,
    "tensorzero::model_name::",
    "tensorzero::model_name::tensorzero::model_name::fast",
    "tensorzero::function_name::fast",
    "tollgate::fast",
  ])("%j leads nowhere", (name) => {
    expect(open(toml, { OPENAI_API_KEY: "sk-1" }).find(name)).toBeNull();
  });
});
