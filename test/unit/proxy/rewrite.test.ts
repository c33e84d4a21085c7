import { describe, expect, test } from "vitest";
import type { ProviderType } from "../../../server/core/provider-type.ts";
import type { WireEndpoint } from "../../../server/providers/types.ts";
import { parseInference } from "../../../server/proxy/parse.ts";
import { makeUpstreamRequest } from "../../../server/proxy/rewrite.ts";
import { makeTarget } from "../../support/scripted-request.ts";

type Json = Record<string, unknown>;

function rewrite(type: ProviderType, body: Json, cap: number | null = null, wire: WireEndpoint = "chat_completions") {
  const bytes = Buffer.from(JSON.stringify({ model: "m", ...body }));
  const parsed = parseInference(wire, bytes);
  if ("code" in parsed) throw new Error(parsed.message);
  const request = makeUpstreamRequest(
    wire,
    parsed,
    makeTarget("http://127.0.0.1", { type, upstreamModel: "m" }),
    cap,
    "id",
  );
  return { same: request.body === bytes, sent: JSON.parse(request.body.toString()) as Json, json: request.json };
}

describe("what a provider is sent", () => {
  test("is the client's own bytes where nothing must change", () => {
    expect(rewrite("groq", { messages: [], stream_options: { x: 1 }, max_completion_tokens: 5 }).same).toBe(true);
  });

  test.each(["openai", "azure", "groq", "xai", "openrouter"] as const)("%s is asked for a stream's usage", (type) => {
    expect(rewrite(type, { stream: true, stream_options: { x: 1 } }).sent.stream_options).toEqual({
      x: 1,
      include_usage: true,
    });
  });

  test("Mistral is not asked for what it gives, nor by a name that it refuses", () => {
    const asked = { stream: true, stream_options: { include_usage: true }, max_completion_tokens: 7 };
    expect(rewrite("mistral", asked).sent).toEqual({ model: "m", stream: true, max_tokens: 7 });
    expect(rewrite("mistral", { stream: true, max_tokens: 7 }).same).toBe(true);
    expect(rewrite("mistral", { max_completion_tokens: 7, max_tokens: 9 }, 5).sent).toEqual({
      model: "m",
      max_tokens: 5,
    });
  });

  test.each([
    ["openai", "max_completion_tokens"],
    ["azure", "max_completion_tokens"],
    ["deepseek", "max_tokens"],
    ["mistral", "max_tokens"],
    ["anthropic", "max_tokens"],
  ] as const)("%s: a cap of the gateway is called %s", (type, field) => {
    expect(rewrite(type, { messages: [] }, 64).sent).toEqual({ model: "m", messages: [], [field]: 64 });
  });

  test.each(["anthropic", "aws_bedrock", "google_ai_studio_gemini"] as const)(
    "%s is translated from the body as it was changed, and no usage is asked for",
    (type) => {
      const { sent, json } = rewrite(type, { stream: true, max_tokens: 100 }, 64);
      expect(sent).toEqual({ model: "m", stream: true, max_tokens: 64 });
      expect(json).toEqual(sent);
    },
  );
});
