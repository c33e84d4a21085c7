import type { Clock } from "../platform/clock.ts";
import { makeEchoChoices } from "./echo-answer.ts";
import { type EchoIdentity, makeEchoBody, makeEchoError } from "./echo-body.ts";
import { EchoCall, type EchoPlay } from "./echo-call.ts";
import { type EchoFrame, listEchoFrames } from "./echo-frames.ts";
import { parseEchoRequest } from "./echo-request.ts";
import type { EchoBehaviour, Provider, ProviderTarget, UpstreamRequest } from "./types.ts";

const json = "application/json";
const noBehaviour: EchoBehaviour = { delayMs: 0, tokensPerSecond: 0, failWithStatus: 0 };

function* listOne(text: string): Generator<EchoFrame> {
  yield { text, tokensSoFar: 0 };
}

function makeErrorPlay(status: number, message: string, delayMs: number): EchoPlay {
  return { status, contentType: json, delayMs, tokensPerSecond: 0, frames: listOne(makeEchoError(status, message)) };
}

function makePlay(target: ProviderTarget, request: UpstreamRequest, clock: Clock): EchoPlay {
  const { delayMs, tokensPerSecond, failWithStatus } = target.echo ?? noBehaviour;
  if (failWithStatus !== 0) {
    return makeErrorPlay(failWithStatus, `The echo provider was told to fail with ${failWithStatus}.`, delayMs);
  }
  const asked = parseEchoRequest(request.endpoint, request.json);
  if (typeof asked === "string") return makeErrorPlay(400, asked, delayMs);

  const choices = request.endpoint === "embeddings" ? [] : makeEchoChoices(asked, target.outputTokensMax);
  const id: EchoIdentity = {
    requestId: request.requestId,
    model: target.upstreamModel,
    createdSeconds: Math.floor(clock.nowMs() / 1_000),
  };
  if (request.stream && request.endpoint !== "embeddings") {
    const frames = listEchoFrames(request.endpoint, asked, choices, id);
    return { status: 200, contentType: "text/event-stream; charset=utf-8", delayMs, tokensPerSecond, frames };
  }
  const outputTokens = choices.reduce((sum, choice) => sum + choice.tokens, 0);
  const generationMs = tokensPerSecond === 0 ? 0 : (outputTokens * 1_000) / tokensPerSecond;
  const frames = listOne(makeEchoBody(request.endpoint, asked, choices, id));
  return { status: 200, contentType: json, delayMs: delayMs + generationMs, tokensPerSecond: 0, frames };
}

/**
 * Opens the built-in provider. It answers without a network: chat with the last user message, completions with the
 * prompt, embeddings with a unit vector of the text, in OpenAI's shapes and as bytes, as an upstream would. Tokens are
 * counted as one per four bytes of UTF-8, rounded up. The sink is never called before `send` has returned.
 */
export function openEcho(options: { clock: Clock }): Provider {
  const { clock } = options;
  const calls = new Set<EchoCall>();
  const forget = (call: EchoCall): void => {
    calls.delete(call);
  };
  return {
    send(target, request, sink) {
      const call = new EchoCall(makePlay(target, request, clock), sink, clock, forget);
      calls.add(call);
      return call;
    },
    async close() {
      for (const call of [...calls]) call.fail("the gateway is closing");
    },
  };
}
