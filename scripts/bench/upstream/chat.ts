/** The one conversation that every subject relays: what is asked, and what the upstream answers, byte for byte. */

const messages = [
  {
    role: "system",
    content:
      "You are a careful assistant inside a customer's support desk. Answer in plain language, in at most four sentences, " +
      "name the page of the manual that you rely on, and say so when you do not know.",
  },
  {
    role: "user",
    content:
      "A customer writes that the second invoice of this month shows the same order number as the first one, but another " +
      "amount. What should I check before I answer?",
  },
];

/** Body of a chat request, about 600 bytes. */
export function chatRequest(model: string, stream: boolean): string {
  return JSON.stringify({ model, messages, max_tokens: 256, temperature: 0.2, ...(stream ? { stream: true } : {}) });
}

const words =
  "Check first whether the order was split into two deliveries , because each delivery is billed apart ( page 41 ) .".split(
    " ",
  );
const usage = { prompt_tokens: 96, completion_tokens: words.length, total_tokens: 96 + words.length };
const head = { id: "chatcmpl-bench0000000000000000001", created: 1_760_000_000, model: "bench" };

/** The JSON answer, about 500 bytes, with usage. */
export const chatAnswer = JSON.stringify({
  ...head,
  object: "chat.completion",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: words.join(" "), refusal: null },
      logprobs: null,
      finish_reason: "stop",
    },
  ],
  usage,
  system_fingerprint: "fp_bench",
});

/** The events of a streamed answer: one per word, the finish, the usage event where it was asked for, `[DONE]`. */
export function chatEvents(withUsage: boolean): string[] {
  return [
    ...words.map((word, index) => delta(index === 0 ? { role: "assistant", content: word } : { content: ` ${word}` })),
    delta({}, "stop"),
    ...(withUsage ? [event({ ...head, object: "chat.completion.chunk", choices: [], usage })] : []),
    "data: [DONE]\n\n",
  ];
}

function delta(content: object, finishReason: string | null = null): string {
  const choice = { index: 0, delta: content, logprobs: null, finish_reason: finishReason };
  return event({ ...head, object: "chat.completion.chunk", choices: [choice] });
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
