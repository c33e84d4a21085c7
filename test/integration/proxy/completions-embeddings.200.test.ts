import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fastFlush, findEventOf } from "../../support/event-of.ts";
import { openScriptedUpstream, type ScriptedUpstream } from "../../support/scripted-upstream.ts";
import { makeModelConfig, openTestGateway, type TestGateway } from "../../support/test-gateway.ts";

let upstream: ScriptedUpstream;
let gateway: TestGateway;
let key: string;

beforeAll(async () => {
  upstream = await openScriptedUpstream();
  gateway = await openTestGateway({
    config: fastFlush + makeModelConfig(upstream.url, "gpt-test", 'model_name = "gpt-at-provider"'),
  });
  key = (await gateway.makeKey()).text;
});
afterAll(async () => {
  await gateway.close();
  await upstream.close();
});

for (const prefix of ["/v1", "/openai/v1"]) {
  describe(`POST ${prefix}/completions`, () => {
    it("passes the answer on and meters it once", async () => {
      const response = await gateway.call(
        `${prefix}/completions`,
        { model: "gpt-test", prompt: "Once", max_tokens: 50 },
        key,
      );
      const answer = (await response.json()) as { object: string; choices: { text: string }[]; usage: object };
      expect([response.status, answer.object]).toEqual([200, "text_completion"]);
      expect(answer.choices[0]?.text.length).toBeGreaterThan(0);
      const call = upstream.log.at(-1);
      expect([call?.path, call?.model]).toEqual(["/v1/completions", "gpt-at-provider"]);
      expect(await findEventOf(gateway, response)).toMatchObject({
        endpoint: "completions",
        model: "gpt-test",
        stream: false,
        usage_source: "reported",
        input_tokens: "1",
        output_tokens: String(call?.completionTokens),
      });
    });

    it("streams, hides the usage chunk, meters it, and tells the cost behind the stream", async () => {
      const response = await gateway.call(
        `${prefix}/completions`,
        { model: "gpt-test", prompt: "Once", stream: true },
        key,
      );
      const text = await response.text();
      expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
      expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
      expect(text).not.toContain("prompt_tokens");
      expect(await findEventOf(gateway, response)).toMatchObject({
        endpoint: "completions",
        stream: true,
        usage_source: "reported",
        output_tokens: String(upstream.log.at(-1)?.completionTokens),
      });
    });

    it("is estimated from the text where no usage comes", async () => {
      const response = await gateway.call(
        `${prefix}/completions`,
        { model: "gpt-test", prompt: "Once", stream: true, metadata: { script: "usage-absent+tokens-80" } },
        key,
      );
      const text = await response.text();
      const said = [...text.matchAll(/"text":"([^"]*)"/g)].map(([, piece]) => piece).join("");
      const event = await findEventOf(gateway, response);
      expect(event.usage_source).toBe("estimated");
      expect(Number(event.output_tokens)).toBe(Math.ceil(said.length / 4));
    });
  });

  describe(`POST ${prefix}/embeddings`, () => {
    for (const [what, body, vectors] of [
      ["a text", { input: "one" }, 1],
      ["texts", { input: ["one", "two", "three"] }, 3],
      ["tokens", { input: [1, 2, 3] }, 1],
      ["base64", { input: "one", encoding_format: "base64", dimensions: 4 }, 1],
    ] as const) {
      it(`passes the vectors on and meters the input alone: ${what}`, async () => {
        const response = await gateway.call(`${prefix}/embeddings`, { model: "gpt-test", ...body }, key);
        const answer = (await response.json()) as { data: unknown[]; usage: { prompt_tokens: number } };
        expect([response.status, answer.data.length]).toEqual([200, vectors]);
        const event = await findEventOf(gateway, response);
        expect(event).toMatchObject({
          endpoint: "embeddings",
          usage_source: "reported",
          input_tokens: String(answer.usage.prompt_tokens),
          output_tokens: "0",
          cost_nano_usd: String(answer.usage.prompt_tokens * 1_000),
        });
      });
    }

    it("gives its model no cap that embeddings do not know", async () => {
      const capped = (await gateway.makeKey({ maxOutputTokens: 5 })).text;
      const response = await gateway.call(`${prefix}/embeddings`, { model: "gpt-test", input: "one" }, capped);
      await response.text();
      expect(response.status).toBe(200);
      expect(JSON.parse(upstream.log.at(-1)?.body ?? "{}")).toEqual({ model: "gpt-at-provider", input: "one" });
    });
  });
}
