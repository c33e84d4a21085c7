/** A wire that is translated into chat completions, as a test sees it from outside. */
export interface TranslatedWire {
  path: string;
  /** A request for a stream whose last user message is `text`. */
  makeBody(text: string): object;
  /** What stands in a whole stream only. */
  terminal: RegExp;
  /** An error event as the last one of a stream. */
  error: RegExp;
  /** The text of the events that came, without the error. */
  readText(stream: string): string;
}

type Event = Record<string, unknown>;

function listEvents(stream: string): Event[] {
  return stream.split("\n\n").flatMap((event) => {
    const data = /^data: (\{.*)$/m.exec(event)?.[1];
    return data === undefined ? [] : [JSON.parse(data) as Event];
  });
}

const model = "gpt-test";
const say = (text: string): { role: string; content: string }[] => [{ role: "user", content: text }];
const join = (texts: readonly unknown[]): string => texts.filter((text) => typeof text === "string").join("");

export const translatedWires: readonly TranslatedWire[] = [
  {
    path: "/v1/messages",
    makeBody: (text) => ({ model, max_tokens: 100, stream: true, messages: say(text) }),
    terminal: /message_stop|message_delta/,
    error:
      /event: error\ndata: \{"type":"error","error":\{"type":"[a-z_]+","message":"[^\n]+"\},"request_id":"[^"]+"\}\n\n$/,
    readText: (stream) =>
      join(
        listEvents(stream)
          .filter(({ type }) => type === "content_block_delta")
          .map(({ delta }) => (delta as Event).text),
      ),
  },
  {
    path: "/v1/responses",
    makeBody: (text) => ({ model, max_output_tokens: 100, stream: true, input: text }),
    terminal: /response\.(completed|incomplete)|output_text\.done/,
    error: /event: error\ndata: \{[^\n]*"type":"error"[^\n]*"error":\{[^\n]*"code":"upstream_error"[^\n]*\}\n\n$/,
    readText: (stream) =>
      join(
        listEvents(stream)
          .filter(({ type }) => type === "response.output_text.delta")
          .map(({ delta }) => delta),
      ),
  },
  {
    path: "/inference",
    makeBody: (text) => ({
      model_name: model,
      stream: true,
      input: { messages: say(text) },
      params: { chat_completion: { max_tokens: 100 } },
    }),
    terminal: /\[DONE\]|"usage"/,
    error: /data: \{"error":"[^\n]+"\}\n\n$/,
    readText: (stream) =>
      join(listEvents(stream).flatMap(({ content }) => ((content ?? []) as Event[]).map(({ text }) => text))),
  },
  {
    path: "/openai/v1/chat/completions",
    makeBody: (text) => ({
      model: `tensorzero::model_name::${model}`,
      max_tokens: 100,
      stream: true,
      stream_options: { include_usage: true },
      messages: say(text),
    }),
    terminal: /\[DONE\]|"tensorzero_cost"/,
    error: /data: \{"error":\{[^\n]*"code":"upstream_error"\}\}\n\n$/,
    readText: (stream) =>
      join(
        listEvents(stream).flatMap(({ choices }) =>
          ((choices ?? []) as Event[]).map(({ delta }) => (delta as Event).content),
        ),
      ),
  },
];
