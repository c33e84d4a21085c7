import { type EchoRequest, makeTokenCount } from "./echo-request.ts";

/** One choice of an answer, before it has a wire shape. */
export interface EchoChoice {
  text: string;
  tokens: number;
  finishReason: "stop" | "length" | "tool_calls";
}

const forcedArguments = "{}";

/** The longest beginning of the text that has at most `tokensMax` tokens and ends with a whole character. */
function cutText(text: string, tokensMax: number): string {
  const bytes = Buffer.from(text);
  let end = tokensMax * 4;
  // 10xxxxxx continues a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** What the echo provider answers to each text of the request, within the caller's and the model's cap. */
export function makeEchoChoices(request: EchoRequest, modelTokensMax: number | null): EchoChoice[] {
  const cap = Math.min(request.outputTokensMax, modelTokensMax ?? Number.POSITIVE_INFINITY);
  return request.texts.map((text) => {
    if (request.forcedFunction !== null) {
      return { text: forcedArguments, tokens: makeTokenCount(forcedArguments.length), finishReason: "tool_calls" };
    }
    const tokens = makeTokenCount(Buffer.byteLength(text));
    if (tokens <= cap) return { text, tokens, finishReason: "stop" };
    const cut = cutText(text, cap);
    return { text: cut, tokens: makeTokenCount(Buffer.byteLength(cut)), finishReason: "length" };
  });
}
