import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ByteUpstream, openByteUpstream } from "../../support/byte-upstream.ts";
import { fastFlush, findEventOf } from "../../support/event-of.ts";
import { makeChatRequest } from "../../support/leaving-client.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { openTestGateway, type TestGateway } from "../../support/test-gateway.ts";
import { waitUntil } from "../../support/wait-until.ts";

const messages = [{ role: "user", content: "Say something." }];
/** Milliseconds; each model has one of them low. */
const low = 200;
/** Ended late by at most a look (5 ms) in theory; the rest is the machine's. */
const slackMs = 400;
/** Far more than all buffers between the provider and a client that does not read. */
const frame = Buffer.from(`data: {"choices":[{"index":0,"delta":{"content":"${"x".repeat(16_000)}"}}]}\n\n`);
const pieces = [...Array.from({ length: 1_000 }, () => frame), Buffer.from("data: [DONE]\n\n")];
let large: ByteUpstream;
let upstream: ScriptedUpstream;
let gateway: TestGateway;
let key: string;

function makeTimedModel(name: string, timeout: string, url = upstream.url): string {
  return `
[models.${name}]
routing = ["up"]
[models.${name}.providers.up]
type = "openai_compatible"
api_base = "${url}/v1"
api_key_location = "none"
retries = 0
timeouts = { ${timeout} = ${low} }
[prices.${name}]
input_usd_per_million = 1
output_usd_per_million = 2
`;
}

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  large = await openByteUpstream(() => ({ pieces }));
  gateway = await openTestGateway({
    config:
      fastFlush +
      makeTimedModel("first", "first_byte_ms") +
      makeTimedModel("idle", "idle_ms") +
      makeTimedModel("total", "total_ms") +
      makeTimedModel("large", "idle_ms", large.url),
  });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  await Promise.all([upstream.close(), large.close()]);
});

async function time(
  model: string,
  script: string,
  stream: boolean,
): Promise<{ response: Response; text: string; ms: number }> {
  const startedMs = performance.now();
  const response = await gateway.call(
    "/v1/chat/completions",
    { model, messages, stream, max_tokens: 1_000, metadata: { script } },
    key,
  );
  const text = await response.text();
  return { response, text, ms: performance.now() - startedMs };
}

describe("a provider that does not answer in time", () => {
  for (const [model, script, what] of [
    ["first", "first-900", "no head"],
    ["total", "first-900", "no end in all"],
    ["idle", "stall-40", "silence in the middle of a JSON answer"],
  ] as const) {
    for (const stream of model === "idle" ? [false] : [false, true]) {
      it(`is answered 504: ${what}${stream ? " (stream)" : ""}`, async () => {
        const { response, text, ms } = await time(model, script, stream);
        const { error } = JSON.parse(text) as { error: { code: string; type: string } };
        expect([response.status, error.code, error.type]).toEqual([504, "upstream_timeout", "server_error"]);
        expect(ms).toBeGreaterThanOrEqual(low - 1);
        expect(ms).toBeLessThan(low + slackMs);
        expect(await findEventOf(gateway, response)).toMatchObject({
          status: 504,
          code: "upstream_timeout",
          attempts: 1,
        });
        await waitUntil(() => upstream.log.at(-1)?.end !== "open", "the end of the provider's call");
      });
    }
  }

  for (const [model, script, what] of [
    ["idle", "stall-700", "silence in the middle"],
    ["total", "rate-20+tokens-100", "a stream longer than all of it may take"],
  ] as const) {
    it(`ends a stream with an error event and without [DONE]: ${what}`, async () => {
      const { response, text, ms } = await time(model, script, true);
      expect(response.status).toBe(200);
      expect(text).not.toContain("[DONE]");
      const last = JSON.parse(text.trimEnd().split("\n\n").at(-1)?.slice(6) ?? "") as { error: { code: string } };
      expect(last.error.code).toBe("upstream_timeout");
      expect(ms).toBeLessThan(low + slackMs);
      const event = await findEventOf(gateway, response);
      expect(event).toMatchObject({ status: 504, code: "upstream_timeout", usage_source: "estimated", attempts: 1 });
      expect(Number(event.cost_nano_usd)).toBeGreaterThan(0);
    });
  }

  it("is not the provider's fault where the client reads slowly: no idle timeout meanwhile", async () => {
    const before = (await gateway.listEvents(0)).length;
    const socket = connect({ port: Number(new URL(gateway.url).port), host: "127.0.0.1" });
    let tail = "";
    socket.on("data", (bytes) => {
      tail = (tail + bytes.toString("latin1")).slice(-300);
    });
    socket.once("data", () => socket.pause());
    socket.write(makeChatRequest(key, { model: "large", messages, stream: true }));
    await waitUntil(() => tail !== "", "the first bytes");
    await new Promise((resolve) => setTimeout(resolve, 3 * low));
    socket.resume();
    await waitUntil(() => tail.endsWith("\r\n0\r\n\r\n") || tail.includes("\r\n0\r\nx-tollgate-cost-usd"), "the end");
    socket.destroy();
    expect(tail).toContain("data: [DONE]");
    const [event] = (await gateway.listEvents(before + 1)).slice(before);
    expect([event?.status, event?.code]).toEqual([200, ""]);
  });
});
