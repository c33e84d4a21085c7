import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "../../../scripts/cli/program.ts";
import { type Config, loadConfig } from "../../../server/platform/config.ts";
import { ConfigError } from "../../../server/platform/config-error.ts";
import type { ConfigNote } from "../../../server/platform/config-tensorzero-keys.ts";

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-tensorzero-"));
  file = join(folder, "tensorzero.toml");
  writeFileSync(join(folder, "system.minijinja"), "You write haikus.\n");
  writeFileSync(join(folder, "variables.minijinja"), "You are {{ name }}.\n");
  writeFileSync(join(folder, "schema.json"), '{"type":"object","properties":{"a":{"type":"string"}}}');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const env = { OPENAI_API_KEY: "sk-1", ANTHROPIC_API_KEY: "sk-2", AZURE_ENDPOINT: "https://res.openai.azure.com" };

function load(toml: string): { config: Config | null; notes: string[]; mistakes: string[] } {
  writeFileSync(file, toml);
  const notes: ConfigNote[] = [];
  const told = () => notes.map(({ path, text }) => `${path}: ${text}`);
  try {
    const source = {
      env: { TOLLGATE_DATA_DIR: join(folder, "data"), ...env },
      configFile: file,
      readOnly: true,
      notes,
    };
    return { config: loadConfig(source), notes: told(), mistakes: [] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { config: null, notes: told(), mistakes: error.message.split("\n") };
  }
}

/** A config as TensorZero's own pages write them. */
const whole = `
[gateway]
bind_address = "0.0.0.0:3000"
debug = true
observability.enabled = true
[gateway.auth]
enabled = true
cache.ttl_ms = 1000

[models.gpt]
routing = ["openai", "azure"]
timeouts = { non_streaming.total_ms = 15_000, streaming.ttft_ms = 3_000 }
[models.gpt.providers.openai]
type = "openai"
model_name = "gpt-5-mini"
api_type = "chat_completions"
cost = [
  { pointer = "/usage/prompt_tokens", cost_per_million = 0.25, required = true },
  { pointer = "/usage/completion_tokens", cost_per_million = 2.0, required = true },
  { pointer = "/usage/prompt_tokens_details/cached_tokens", cost_per_million = -0.225 },
]
[models.gpt.providers.azure]
type = "azure"
deployment_id = "gpt-5-mini"
endpoint = "env::AZURE_ENDPOINT"
api_key_location = "dynamic::azure_key"
timeouts = { non_streaming.total_ms = 9_000, streaming.total_ms = 20_000 }

[models.claude]
routing = ["bedrock"]
[models.claude.providers.bedrock]
type = "aws_bedrock"
model_id = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
region = "us-east-1"
allow_auto_detect_region = true
access_key_id = "dynamic::aws_id"
secret_access_key = "dynamic::aws_secret"

[embedding_models.small]
routing = ["openai"]
[embedding_models.small.providers.openai]
type = "openai"
model_name = "text-embedding-3-small"

[provider_types.anthropic.defaults]
api_key_location = { default = "dynamic::anthropic_key", fallback = "env::ANTHROPIC_API_KEY" }

[functions.haiku]
type = "chat"
description = "Writes haikus"
[functions.haiku.variants.one]
type = "chat_completion"
model = "gpt"
weight = 0.9
system_template = "system.minijinja"
temperature = 0.5
retries = { num_retries = 2, max_delay_s = 5 }
[functions.haiku.variants.two]
type = "chat_completion"
model = "anthropic::claude-sonnet-4-5"
templates.system.path = "system.minijinja"

[functions.extract]
type = "json"
output_schema = "schema.json"
[functions.extract.variants.only]
type = "chat_completion"
model = "gpt"
json_mode = "strict"

[metrics.rating]
type = "float"
optimize = "max"
level = "inference"

[rate_limiting]
enabled = true
[[rate_limiting.rules]]
priority = 0
model_inferences_per_minute = 10
scope = [{ api_key_public_id = "tensorzero::each" }]
`;

describe("a config of TensorZero's", () => {
  test("is read as it is", () => {
    const { config, mistakes } = load(whole);
    expect(mistakes).toEqual([]);
    expect([...(config?.models.keys() ?? [])]).toEqual(["gpt", "claude", "small"]);
    const [openai, azure] = config?.models.get("gpt")?.providers ?? [];
    expect(openai).toMatchObject({ modelName: "gpt-5-mini", timeouts: { totalMs: 15_000, firstByteMs: 3_000 } });
    expect(azure).toMatchObject({
      apiBase: "https://res.openai.azure.com",
      timeouts: { totalMs: 20_000, firstByteMs: 3_000 },
      lateCredential: [{ kind: "dynamic", name: "azure_key" }],
    });
    expect(config?.models.get("claude")?.providers[0]?.awsKeys?.accessKeyId).toEqual([
      { kind: "dynamic", name: "aws_id" },
    ]);
    expect(config?.shorthands.get("anthropic")?.lateCredential?.map(({ kind }) => kind)).toEqual(["dynamic", "static"]);
    expect(config?.functions.get("haiku")?.variants).toMatchObject([
      { name: "one", weight: 0.9, systemText: "You write haikus.", defaults: { temperature: 0.5 } },
      { name: "two", weight: 0, systemText: "You write haikus." },
    ]);
    expect(config?.functions.get("extract")?.outputSchema).toMatchObject({ type: "object" });
    expect(config?.prices.has("gpt")).toBe(true);
    expect(config?.rateLimiting.rules).toHaveLength(1);
  });

  test("has its price per kind of token: what is counted in two of them is added up", () => {
    const { config } = load(whole);
    const { config: ours } = load(`
[models.gpt]
routing = ["e"]
[models.gpt.providers.e]
type = "echo"
[prices.gpt]
input_usd_per_million = 0.25
output_usd_per_million = 2
cached_input_usd_per_million = 0.025`);
    expect(config?.prices.get("gpt")).toEqual(ours?.prices.get("gpt"));
  });

  test("is told by path of what has no effect", () => {
    const { notes } = load(whole);
    const paths = notes.map((note) => note.split(": ")[0]).sort();
    expect(paths).toEqual([
      "functions.extract.variants.only.json_mode",
      "functions.haiku.description",
      "functions.haiku.variants.one.retries",
      "gateway.auth.cache",
      "gateway.bind_address",
      "gateway.debug",
      "gateway.observability",
      "metrics",
      "models.claude.providers.bedrock.allow_auto_detect_region",
    ]);
  });

  const provider = (more: string): string => `
[models.m]
routing = ["p"]
[models.m.providers.p]
type = "openai"
${more}`;
  const variant = (more: string): string => `
${provider("")}
[functions.f]
type = "chat"
[functions.f.variants.v]
type = "chat_completion"
model = "m"
${more}`;

  test.each<[string, string, string]>([
    [
      "extra_body",
      provider('extra_body = [{ pointer = "/a", value = 1 }]'),
      "models.m.providers.p.extra_body: not supported",
    ],
    [
      "extra_headers",
      provider('extra_headers = [{ name = "a", value = "b" }]'),
      "models.m.providers.p.extra_headers: ",
    ],
    ["a dynamic address", provider('api_base = "dynamic::base"'), "models.m.providers.p.api_base: a dynamic address"],
    ["an address in no variable", provider('api_base = "env::NO_BASE"'), "environment variable NO_BASE is not set"],
    ["the responses API", provider('api_type = "responses"'), "models.m.providers.p.api_type: found responses"],
    [
      "a cost of something else",
      provider('cost = [{ pointer = "/usage/seconds", cost_per_million = 1 }]'),
      "cost[0].pointer: ",
    ],
    [
      "variables in a template",
      variant('system_template = "variables.minijinja"'),
      "functions.f.variants.v.system_template: ",
    ],
    ["a missing template", variant('system_template = "none.minijinja"'), "none.minijinja cannot be read (ENOENT)"],
    [
      "a template of the user's",
      variant('user_template = "system.minijinja"'),
      "functions.f.variants.v.user_template: ",
    ],
    [
      "a named template",
      variant('templates.user.path = "system.minijinja"'),
      "functions.f.variants.v.templates.user: ",
    ],
    [
      "tools of a function",
      `${variant("")}\n[functions.g]\ntype = "chat"\ntools = ["t"]\n[functions.g.variants.v]\nmodel = "m"`,
      "functions.g.tools: ",
    ],
    [
      "best of n",
      variant("").replace("chat_completion", "experimental_best_of_n_sampling"),
      "functions.f.variants.v.type: ",
    ],
    ["a base path", `[gateway]\nbase_path = "/tz"`, "gateway.base_path: "],
    [
      "one name for two models",
      `${provider("")}\n[embedding_models.m]\nrouting = ["p"]\n[embedding_models.m.providers.p]\ntype = "openai"`,
      "embedding_models.m: ",
    ],
    ["a typing error", provider('modle_name = "x"'), "models.m.providers.p.modle_name: unknown key"],
    ["an unknown section", "[modells.m]", "modells: unknown section"],
  ])("is refused for %s, by path", (_title, toml, expected) => {
    const { mistakes } = load(toml);
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toContain(expected);
  });
});

describe("tollgate config check --from-tensorzero", () => {
  async function check(toml: string, ...flags: string[]) {
    writeFileSync(file, toml);
    let out = "";
    const io = {
      env: { TOLLGATE_DATA_DIR: join(folder, "data"), ...env },
      out: (text: string) => void (out += text),
      error: (text: string) => void (out += text),
    };
    const code = await runCli(["config", "check", "--from-tensorzero", file, ...flags], io);
    return { code, out };
  }

  test("says what works, what has no effect, and that nothing must change", async () => {
    const { code, out } = await check(whole);
    expect(code).toBe(0);
    expect(out).toContain("models: gpt, claude, small");
    expect(out).toContain("metrics: ignored: feedback is not collected");
    expect(out).toContain("Nothing must change.");
  });

  test("exits with 78 where something must change, and says it as JSON", async () => {
    const { code, out } = await check(
      `${whole}\n[functions.bad]\ntype = "chat"\ntools = ["t"]\n[functions.bad.variants.v]\nmodel = "gpt"`,
      "--json",
    );
    expect(code).toBe(78);
    const answer = JSON.parse(out) as { ok: boolean; ignored: unknown[]; must_change: { path: string }[] };
    expect([answer.ok, answer.ignored.length, answer.must_change.map(({ path }) => path)]).toEqual([
      false,
      9,
      ["functions.bad.tools"],
    ]);
  });
});
