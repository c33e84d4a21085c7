import { expect, test } from "vitest";
import { parseInference } from "../../../server/proxy/parse.ts";

/**
 * V8 from 12.8 on (Node 24 and 26) may read an escaped name as another one that was seen in its place before
 * (nodejs/node#63785): `JSON.parse` then gives `\` for `"\u006e"`, and a provider reads the `n` that the gateway missed.
 */
const fields = (name: string): string => `{"model":"echo::x",${name}}`;

/** Each name is written as the second field, behind a body whose second name is what V8 would take it for. */
test.each([
  ["n", '"\\u006e":9', '"\\\\":0', { choices: 9 }],
  ["max_tokens", '"max_token\\u0073":7', '"max_token\\\\":0', { outputTokensMax: 7 }],
  ["max_completion_tokens", '"\\u006dax_completion_tokens":7', '"\\\\u006dax_completion_t":0', { outputTokensMax: 7 }],
  ["stream", '"strea\\u006d":true', '"strea\\\\":0', { stream: true }],
  ["stream_options", '"stream\\u005foptions":{"include_usage":true}', '"stream\\\\u005fo":0', { includeUsage: true }],
])("%s is found however its name is escaped, whatever was read before", (name, written, before, expected) => {
  for (let round = 0; round < 3; round++) {
    expect(parseInference("chat_completions", Buffer.from(fields(before)))).toMatchObject({ model: "echo::x" });
    const parsed = parseInference("chat_completions", Buffer.from(fields(written)));
    expect(parsed).toMatchObject(expected);
    expect(parsed).toHaveProperty(["json", name]);
  }
});
