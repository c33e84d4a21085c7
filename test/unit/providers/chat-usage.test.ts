import type { LanguageModelV3Usage } from "@ai-sdk/provider";
import { expect, it } from "vitest";
import { parseOpenAiUsage } from "../../../server/core/usage-report.ts";
import { makeChatUsage } from "../../../server/providers/chat-usage.ts";

const makeUsage = (raw: NonNullable<LanguageModelV3Usage["raw"]>): LanguageModelV3Usage => ({
  inputTokens: { total: 113, noCache: 10, cacheRead: 3, cacheWrite: 100 },
  outputTokens: { total: 5, text: 5, reasoning: 0 },
  raw,
});

it.each([
  ["Anthropic", { cache_creation: { ephemeral_5m_input_tokens: 40, ephemeral_1h_input_tokens: 60 } }, 60],
  [
    "Bedrock",
    {
      cacheDetails: [
        { ttl: "1h", inputTokens: 50 },
        { ttl: "5m", inputTokens: 40 },
        { ttl: "1h", inputTokens: 10 },
      ],
    },
    60,
  ],
  ["one that does not say", { cache_creation: null, cacheDetails: [null, { ttl: "1h" }] }, 0],
])("what %s keeps for an hour is read back as that", (_name, raw, hour) => {
  const reading = parseOpenAiUsage(makeChatUsage(makeUsage(raw)));
  expect(reading).toMatchObject({
    ok: true,
    usage: { inputTokens: 10, cachedInputTokens: 3, cacheWriteTokens: 100, hourCacheWriteTokens: hour },
  });
});
