import type { EchoChoice } from "./echo-answer.ts";
import { type EchoIdentity, makeCallId, makeEchoUsage } from "./echo-body.ts";
import { type EchoRequest, makeTokenCount } from "./echo-request.ts";
import type { WireEndpoint } from "./types.ts";

/** One server-sent event and how many output tokens have been sent once it is. */
export interface EchoFrame {
  text: string;
  tokensSoFar: number;
}

/** The words of a text, each with the space before it; together they are the text. Made one by one: texts can be long. */
function* listWords(text: string): Generator<string> {
  let from = 0;
  while (from < text.length) {
    let to = from;
    while (to < text.length && text.charCodeAt(to) <= 32) to++;
    while (to < text.length && text.charCodeAt(to) > 32) to++;
    yield text.slice(from, to);
    from = to;
  }
}

/** The answer as a stream of server-sent events, word by word, from the role to `[DONE]`. */
export function* listEchoFrames(
  endpoint: WireEndpoint,
  request: EchoRequest,
  choices: readonly EchoChoice[],
  id: EchoIdentity,
): Generator<EchoFrame> {
  const chat = endpoint === "chat_completions";
  const head = JSON.stringify({
    id: `${chat ? "chatcmpl" : "cmpl"}-${id.requestId}`,
    object: chat ? "chat.completion.chunk" : "text_completion",
    created: id.createdSeconds,
    model: id.model,
  }).slice(0, -1);
  // With include_usage, every frame but the last says `usage: null`. Source: OpenAI's stream_options.
  const tail = request.wantsUsage ? ',"usage":null}\n\n' : "}\n\n";
  let tokensSoFar = 0;

  const frame = (index: number, content: string, finish: string | null): EchoFrame => {
    const finishReason = finish === null ? "null" : `"${finish}"`;
    const choice = `{"index":${index},${content},"logprobs":null,"finish_reason":${finishReason}}`;
    return { text: `data: ${head},"choices":[${choice}]${tail}`, tokensSoFar };
  };
  const piece = (word: string): string =>
    chat ? `"delta":{"content":${JSON.stringify(word)}}` : `"text":${JSON.stringify(word)}`;
  const calls = (call: object): string => `"delta":${JSON.stringify({ tool_calls: [{ index: 0, ...call }] })}`;

  for (const [index, choice] of choices.entries()) {
    const tokensBefore = tokensSoFar;
    if (request.forcedFunction === null) {
      if (chat) yield frame(index, '"delta":{"role":"assistant","content":"","refusal":null}', null);
      let bytes = 0;
      for (const word of listWords(choice.text)) {
        bytes += Buffer.byteLength(word);
        tokensSoFar = tokensBefore + makeTokenCount(bytes);
        yield frame(index, piece(word), null);
      }
    } else {
      const opened = {
        id: makeCallId(id, index),
        type: "function",
        function: { name: request.forcedFunction, arguments: "" },
      };
      yield frame(index, '"delta":{"role":"assistant","content":null}', null);
      yield frame(index, calls(opened), null);
      tokensSoFar = tokensBefore + choice.tokens;
      yield frame(index, calls({ function: { arguments: choice.text } }), null);
    }
    yield frame(index, chat ? '"delta":{}' : '"text":""', choice.finishReason);
  }

  if (request.wantsUsage) {
    const usage = JSON.stringify(makeEchoUsage(request.inputTokens, choices));
    yield { text: `data: ${head},"choices":[],"usage":${usage}}\n\n`, tokensSoFar };
  }
  yield { text: "data: [DONE]\n\n", tokensSoFar };
}
