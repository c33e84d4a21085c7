import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openScriptedUpstream, type ScriptedUpstream } from "../support/scripted-upstream.ts";
import { makeCredentialsSeedConfig, makeKeysSeedConfig } from "../support/seed-config.ts";
import { recordSkip } from "../support/skip-ledger.ts";
import { openTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** From the index that pip is set up for. */
const packages = ["openai==3.57.0", "tensorzero==2026.6.0"];
const installTimeoutMs = 300_000;
let folder: string;
let python: string | null = null;
let upstream: ScriptedUpstream;
let gateway: TestGateway;
let key: string;

/** Why the clients cannot be had here, or `null`. */
function install(): string | null {
  try {
    const options = { timeout: installTimeoutMs, stdio: "pipe" } as const;
    execFileSync("python3", ["-m", "venv", folder], options);
    const made = join(folder, "bin", "python");
    execFileSync(made, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages], options);
    python = made;
    return null;
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    return `${packages.join(" and ")} cannot be installed: ${(stderr?.toString() || String(error)).trim().split("\n").at(-1)}`;
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-python-"));
  const reason = install();
  if (reason !== null) recordSkip("python", reason);
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: makeKeysSeedConfig(upstream.url, "abcdef012345") + makeCredentialsSeedConfig(upstream.url),
  });
  key = (await gateway.makeKey()).text;
}, installTimeoutMs * 2);
afterAll(async () => {
  await gateway.close();
  await upstream.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a program; its address is the only thing that differs from the page. */
async function run(program: string): Promise<{ code: number; out: string }> {
  const text = program.replaceAll("http://localhost:3000", gateway.url);
  const child = spawn(python as string, ["-c", text], { env: { PATH: process.env.PATH, TENSORZERO_API_KEY: key } });
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    out += chunk.toString();
  });
  const code = await new Promise<number>((resolve) => child.on("close", (status) => resolve(status ?? 1)));
  return { code, out };
}

const programs: [name: string, program: string, out: RegExp][] = [
  [
    "the TensorZero client, as on the page on keys",
    `
import os
from tensorzero import TensorZeroGateway

t0 = TensorZeroGateway.build_http(
    api_key=os.environ["TENSORZERO_API_KEY"],
    gateway_url="http://localhost:3000",
)

response = t0.inference(
    model_name="openai::gpt-5-mini",
    input={
        "messages": [
            {
                "role": "user",
                "content": "Tell me a fun fact.",
            }
        ]
    },
)

print(response)
`,
    /ChatInferenceResponse\(.*variant_name='openai::gpt-5-mini'.*Text\(/s,
  ],
  [
    "the TensorZero client, in a stream",
    `
from tensorzero import TensorZeroGateway

with TensorZeroGateway.build_http(gateway_url="http://localhost:3000") as client:
    text = ""
    usage = None
    for chunk in client.inference(
        model_name="openai::gpt-5-mini",
        input={"messages": [{"role": "user", "content": "Tell me a fun fact."}]},
        stream=True,
    ):
        for block in chunk.content:
            text += block.text
        usage = chunk.usage or usage
    print("said", len(text) > 10, usage.output_tokens)
`,
    /said True \d+/,
  ],
  [
    "the TensorZero client, as on the page on credentials",
    `
from tensorzero import TensorZeroGateway

with TensorZeroGateway.build_http(gateway_url="http://localhost:3000") as client:
    response = client.inference(
        function_name="generate_haiku",
        input={
            "messages": [
                {
                    "role": "user",
                    "content": "Write a haiku about artificial intelligence.",
                }
            ]
        },
        credentials={
            "customer_openai_api_key": "sk-..."
        }
    )

print(response)
`,
    /variant_name='gpt_4o_mini'/,
  ],
  [
    "the TensorZero client's error",
    `
from tensorzero import TensorZeroError, TensorZeroGateway

try:
    with TensorZeroGateway.build_http(gateway_url="http://localhost:3000", api_key="sk-t0-wrong") as client:
        client.inference(model_name="openai::gpt-5-mini", input={"messages": []})
except TensorZeroError as error:
    print("refused", error.status_code, error.text)
`,
    /refused 401 .*TensorZero authentication error/,
  ],
  [
    "the OpenAI client",
    `
import os
from openai import OpenAI

client = OpenAI(
    api_key=os.environ["TENSORZERO_API_KEY"],
    base_url="http://localhost:3000/openai/v1",
)

response = client.chat.completions.create(
    model="tensorzero::model_name::openai::gpt-5-mini",
    messages=[
        {
            "role": "user",
            "content": "Tell me a fun fact.",
        }
    ],
)

print(response)
`,
    /ChatCompletion\(.*model='tensorzero::model_name::openai::gpt-5-mini'/s,
  ],
];

describe("Python programs of the pages, unchanged but for the address", () => {
  it.each(programs)("%s", async (_name, program, out) => {
    // Told at the end of the run.
    const result = python === null ? { code: 0, out: null } : await run(program);
    expect(result.code === 0 ? "" : result.out).toBe("");
    expect(result.out === null || out.test(result.out) || result.out).toBe(true);
  });
});
