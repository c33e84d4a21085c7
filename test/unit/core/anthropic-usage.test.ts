import { describe, expect, it } from "vitest";
import { parseAnthropicUsage } from "../../../server/core/anthropic-usage.ts";

const counted = { input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 3, cache_creation_input_tokens: 100 };

describe("parseAnthropicUsage", () => {
  it.each([
    [undefined, 0],
    [null, 0],
    [{ ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 0 }, 0],
    [{ ephemeral_5m_input_tokens: 40, ephemeral_1h_input_tokens: 60 }, 60],
  ])("of what is cached, %j is kept for an hour: %i", (creation, hour) => {
    expect(parseAnthropicUsage({ ...counted, cache_creation: creation })).toEqual({
      ok: true,
      usage: {
        inputTokens: 10,
        cachedInputTokens: 3,
        cacheWriteTokens: 100,
        hourCacheWriteTokens: hour,
        outputTokens: 5,
        reasoningTokens: 0,
        inputAudioTokens: 0,
        outputAudioTokens: 0,
      },
    });
  });

  it.each([
    ["more than all", { ephemeral_1h_input_tokens: 101 }],
    ["no count", { ephemeral_1h_input_tokens: "60" }],
    ["no object", 60],
  ])("refuses %s", (_name, creation) => {
    expect(parseAnthropicUsage({ ...counted, cache_creation: creation }).ok).toBe(false);
  });
});
