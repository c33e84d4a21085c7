/** How the scripted upstream treats one request. */
export interface ScriptedBehaviour {
  /** Changes the answer's words and jitter; equal seeds and requests give equal answers. */
  seed: number;
  /** Before the head and the first token. */
  firstTokenMs: number;
  /** 0: as fast as it can. */
  tokensPerSecond: number;
  /** Number of output tokens; `null`: derived from the prompt. The request's cap still rules. */
  tokens: number | null;
  /** Where a stream tells its usage. `lying` tells ten times what was served. */
  usage: "own_chunk" | "last_content_chunk" | "absent" | "lying";
  /** An error with this status instead of an answer; 0: answer. */
  status: number;
  retryAfter: string | null;
  /** Close the connection (FIN) after so many body bytes; 0: before the head. */
  dropAtByte: number | null;
  /** The same with a RST. */
  resetAtByte: number | null;
  /** Fall silent after so many body bytes; 0: before the head. */
  stallAtByte: number | null;
  /** Dribble the body; 0: do not. */
  bytesPerSecond: number;
  /** `gzip`: an encoding that nobody asked for; `huge`: an endless body; `headers`: 64 KiB of them. */
  bomb: "gzip" | "stacked" | "huge" | "headers" | null;
  lineEnd: "\n" | "\r\n" | "\r";
  /** A stream that ends without `[DONE]`. */
  omitDone: boolean;
  /** `set-cookie`, `openai-organization`, `server` and the like: what must not reach a client. */
  identityHeaders: boolean;
  redirectTo: string | null;
  /** Something that is not HTTP. */
  garbage: boolean;
}

export const plainBehaviour: Readonly<ScriptedBehaviour> = {
  seed: 1,
  firstTokenMs: 0,
  tokensPerSecond: 0,
  tokens: null,
  usage: "own_chunk",
  status: 0,
  retryAfter: null,
  dropAtByte: null,
  resetAtByte: null,
  stallAtByte: null,
  bytesPerSecond: 0,
  bomb: null,
  lineEnd: "\n",
  omitDone: false,
  identityHeaders: false,
  redirectTo: null,
  garbage: false,
};

/** The words of a directive: `first-200+rate-50+tokens-30`. `value` is what follows the first dash. */
const words: Readonly<Record<string, (value: string) => Partial<ScriptedBehaviour>>> = {
  seed: (value) => ({ seed: Number(value) }),
  first: (value) => ({ firstTokenMs: Number(value) }),
  slow: (value) => ({ firstTokenMs: Number(value) }),
  rate: (value) => ({ tokensPerSecond: Number(value) }),
  tokens: (value) => ({ tokens: Number(value) }),
  usage: (value) => ({ usage: value === "last" ? "last_content_chunk" : value === "lying" ? "lying" : "absent" }),
  status: (value) => ({ status: Number(value) }),
  retry: (value) => ({ retryAfter: value }),
  drop: (value) => ({ dropAtByte: Number(value) }),
  reset: (value) => ({ resetAtByte: Number(value) }),
  stall: (value) => ({ stallAtByte: Number(value) }),
  bytes: (value) => ({ bytesPerSecond: Number(value) }),
  gzip: () => ({ bomb: "gzip" }),
  stacked: () => ({ bomb: "stacked" }),
  huge: () => ({ bomb: "huge" }),
  headers: () => ({ bomb: "headers" }),
  crlf: () => ({ lineEnd: "\r\n" }),
  cr: () => ({ lineEnd: "\r" }),
  undone: () => ({ omitDone: true }),
  identity: () => ({ identityHeaders: true }),
  redirect: (value) => ({ redirectTo: value }),
  garbage: () => ({ garbage: true }),
};

/**
 * Reads a directive: words joined by `+`, unknown ones ignored, so that a model may be called `gpt-x+drop-512`.
 *
 * `seed-N` · `first-MS` (also `slow-MS`) · `rate-TOKENS_PER_SECOND` · `tokens-N` · `usage-absent|last|lying` ·
 * `status-N` · `retry-VALUE` · `drop-BYTE` · `reset-BYTE` · `stall-BYTE` · `bytes-PER_SECOND` · `gzip` · `stacked` ·
 * `huge` · `headers` · `crlf` · `cr` · `undone` · `identity` · `redirect-URL` · `garbage`
 */
export function parseDirective(text: string): Partial<ScriptedBehaviour> {
  const behaviour: Partial<ScriptedBehaviour> = {};
  for (const part of text.split("+")) {
    const dash = part.indexOf("-");
    const word = dash < 0 ? part : part.slice(0, dash);
    const parse = Object.hasOwn(words, word) ? words[word] : undefined;
    if (parse !== undefined) Object.assign(behaviour, parse(dash < 0 ? "" : part.slice(dash + 1)));
  }
  return behaviour;
}
