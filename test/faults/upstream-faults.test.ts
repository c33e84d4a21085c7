import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CallAnswer, type CallerProcess, openCallerProcess, type PlannedCall } from "../support/caller-process.ts";
import { type GatewayProcess, openGatewayProcess } from "../support/gateway-process.ts";
import { recordSkip } from "../support/skip-ledger.ts";
import { openUpstreamProcess, type UpstreamProcess } from "../support/upstream-process.ts";

/** BARS.md H6, through the whole gateway: how each fault of a provider ends, and what a healthy one beside it feels. */
const isFull = process.env.TEST_TIER === "full";
if (!isFull) recordSkip("upstream-faults", "in the full tier");

const firstByteMs = 1_000;
const idleMs = 1_500;
const totalMs = 3_000;
const atOnceMs = 250;

interface Fault {
  name: string;
  /** Of the scripted provider; `null`: it cannot be spoken to at all. */
  directive: string | null;
  stream: boolean;
  /** When the call ends; 0: at once. */
  endsMs: number;
  status: number;
}

const faults: readonly Fault[] = [
  { name: "no-first-byte", directive: "first-60000", stream: false, endsMs: firstByteMs, status: 504 },
  { name: "no-first-event", directive: "first-60000", stream: true, endsMs: firstByteMs, status: 504 },
  { name: "stalls", directive: "stall-700", stream: true, endsMs: idleMs, status: 200 },
  { name: "a-byte-a-second", directive: "bytes-1", stream: true, endsMs: totalMs, status: 200 },
  { name: "resets", directive: "reset-700", stream: true, endsMs: 0, status: 200 },
  { name: "resets-at-once", directive: "reset-0", stream: false, endsMs: 0, status: 502 },
  { name: "half-closes", directive: "drop-700", stream: true, endsMs: 0, status: 200 },
  { name: "storm-of-429", directive: "status-429", stream: false, endsMs: 0, status: 429 },
  { name: "no-tls", directive: null, stream: false, endsMs: 0, status: 502 },
];

let folder: string;
let well: UpstreamProcess;
let ill: UpstreamProcess;
let gateway: GatewayProcess;
let callers: CallerProcess;
let key: string;

function makeModel(name: string, base: string, directive: string, more = ""): string {
  return `
[models.${name}]
routing = ["p"]
[models.${name}.providers.p]
type = "openai_compatible"
api_base = "${base}/v1"
api_key_location = "none"
model_name = "x+${directive}"
retries = 0
${more}`;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tollgate-upstream-faults-"));
  well = await openUpstreamProcess(join(folder, "well.jsonl"));
  ill = await openUpstreamProcess(join(folder, "ill.jsonl"));
  const timeouts = `timeouts = { connect_ms = 1_000, first_byte_ms = ${firstByteMs}, idle_ms = ${idleMs}, total_ms = ${totalMs} }`;
  const config = faults.flatMap(({ name, directive }) => {
    const base = directive === null ? ill.url.replace("http:", "https:") : ill.url;
    const text = `${timeouts}\nconcurrent_requests_max = 20\n`;
    return [
      makeModel(name, base, directive ?? "", `${text}circuit_breaker = { failures = 0 }`),
      makeModel(`breaking-${name}`, base, `${directive ?? ""}+of-${name}`, text),
    ];
  });
  config.push(makeModel("well", well.url, "first-20"));
  // A 429 counts where the model has another provider: alone, it is passed on with its Retry-After.
  config.push(`
[models.stormed]
routing = ["p", "q"]
[models.stormed.providers.p]
type = "openai_compatible"
api_base = "${ill.url}/v1"
api_key_location = "none"
model_name = "x+status-429+of-stormed"
retries = 0
[models.stormed.providers.q]
type = "openai_compatible"
api_base = "${well.url}/v1"
api_key_location = "none"
model_name = "x"`);
  gateway = await openGatewayProcess({ config: config.join("\n"), keepOutput: false });
  callers = openCallerProcess();
  key = (await gateway.makeKey({ permissions: ["ai:inference"] })).text;
});
afterAll(async () => {
  await callers?.close();
  await gateway?.close();
  await well?.close();
  await ill?.close();
  rmSync(folder, { recursive: true, force: true });
});

const plan = (model: string, stream: boolean, delayMs = 0): PlannedCall => ({
  url: gateway.url,
  key,
  body: { model, stream, max_tokens: 50, messages: [{ role: "user", content: "Are you there?" }] },
  delayMs,
});

const findP99 = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(0.99 * (values.length - 1))] ?? 0;

describe.runIf(isFull)("a provider that fails", () => {
  it.each(faults)(
    "$name: each call ends by its own time-out, within 10 %",
    async ({ name, stream, endsMs, status }) => {
      await callers.run([plan("well", false)]);
      const answers = await callers.run(Array.from({ length: 5 }, () => plan(name, stream)));
      for (const answer of answers) {
        expect(answer.status).toBe(status);
        const tookMs = answer.endedAtMs - answer.sentAtMs;
        expect(tookMs).toBeGreaterThanOrEqual(endsMs);
        expect(tookMs).toBeLessThanOrEqual(endsMs === 0 ? atOnceMs : endsMs * 1.1 + 50);
      }
    },
  );

  it.each(faults.filter(({ name }) => name !== "storm-of-429"))(
    "$name: is left alone after ten failures",
    { timeout: 60_000 },
    async ({ name, stream, status }) => {
      // One after the other: what is asked at once is asked before anything can be known.
      const codes: string[] = [];
      for (let call = 0; call < 12; call++) {
        const [answer] = await callers.run([plan(`breaking-${name}`, stream)]);
        codes.push(answer?.code === "overloaded" ? "left alone" : String(answer?.status));
      }
      expect(codes).toEqual([...Array<string>(10).fill(String(status)), "left alone", "left alone"]);
    },
  );

  it("a storm of 429: is left alone after ten, and another provider answers", async () => {
    for (let call = 0; call < 15; call++) {
      const [answer] = await callers.run([plan("stormed", false)]);
      expect(answer?.status).toBe(200);
    }
    const asked = readFileSync(ill.logFile, "utf8").split("\n");
    expect(asked.filter((line) => line.includes('"dispatch"') && line.includes("of-stormed"))).toHaveLength(10);
  });

  it("does not slow a healthy one: p99 within 1.2 of what it is alone", { timeout: 300_000 }, async () => {
    const roundMs = 4_000;
    const everyMs = 20;
    const healthy = Array.from({ length: roundMs / everyMs }, (_, index) => plan("well", false, index * everyMs));
    const failing = Array.from({ length: roundMs / everyMs }, (_, index) => {
      const fault = faults[index % faults.length] as Fault;
      return plan(fault.name, fault.stream, index * everyMs);
    });
    const alone: number[] = [];
    const beside: number[] = [];
    const latency = ({ sentAtMs, endedAtMs }: CallAnswer): number => endedAtMs - sentAtMs;
    await callers.run(healthy);
    for (let round = 0; round < 8; round++) {
      const first = await callers.run(healthy);
      expect(first.every(({ status }) => status === 200)).toBe(true);
      alone.push(...first.map(latency));
      const both = await callers.run([...healthy, ...failing]);
      const own = both.slice(0, healthy.length);
      expect(own.every(({ status }) => status === 200)).toBe(true);
      beside.push(...own.map(latency));
    }
    const [p99Alone, p99Beside] = [findP99(alone), findP99(beside)];
    console.info(
      `H6: p99 of a healthy provider ${p99Alone.toFixed(1)} ms alone, ${p99Beside.toFixed(1)} ms beside nine faults`,
    );
    expect(p99Beside).toBeLessThanOrEqual(p99Alone * 1.2);
  });
});
