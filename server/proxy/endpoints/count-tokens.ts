import type { IncomingMessage, ServerResponse } from "node:http";
import { makeRefusal, type Refusal } from "../../core/error.ts";
import { makeTokenCount } from "../../providers/echo-request.ts";
import { countTexts } from "../../providers/token-count.ts";
import type { ProviderTarget } from "../../providers/types.ts";
import { isModelListed } from "../admit.ts";
import { findCallTargets } from "../call-targets.ts";
import { type Caller, openCaller } from "../caller.ts";
import { ClientConnection } from "../client-connection.ts";
import type { ProxyContext } from "../context.ts";
import { dispatch } from "../dispatch.ts";
import { findRateLimits } from "../find-rate-limits.ts";
import type { ParsedInference } from "../parse.ts";
import { makeRateHeaders, makeRateRefusal } from "../rate-headers.ts";
import { readBody } from "../read-body.ts";
import { findModel } from "../resolve.ts";
import { respondAnswer, respondRefusal } from "../respond.ts";
import { messagesSurface, parseMessages } from "../surfaces/anthropic/messages-surface.ts";
import { isNativeTarget } from "../surfaces/native-targets.ts";
import {
  isPassedOn,
  isSuccess,
  makeFailureRefusal,
  makePassedErrorBody,
  makeStatusRefusal,
} from "../upstream-refusal.ts";

const oneRequest = { requests: 1, inputTokens: 0, outputTokens: 0, cost: 0n };

interface Counted {
  status: number;
  body: Buffer;
}

/**
 * `POST /v1/messages/count_tokens`: how many tokens a message of Anthropic's would have. Asked of the provider where that
 * speaks Anthropic's wire, else counted here. Costs nothing, makes no usage event, and counts as one request in the limits
 * of the key.
 */
export async function handleCountTokens(
  proxy: ProxyContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const startedAtMs = proxy.clock.monotonicMs();
  const { errors } = messagesSurface;
  let caller: Caller | null = null;
  let rateHeaders: readonly string[] = [];
  const refuse = (refusal: Refusal): void =>
    respondRefusal(
      request,
      response,
      caller?.requestId ?? proxy.makeEventId(),
      refusal,
      caller?.corsOrigin ?? null,
      rateHeaders,
      errors,
    );
  proxy.openRequests.count++;
  try {
    caller = await openCaller(proxy, request, response, "ai:inference", messagesSurface);
    if (caller === null) return;
    const asked = await readQuestion(proxy, request, caller);
    if (asked === null) return;
    if ("code" in asked) return refuse(asked);
    const limits = findRateLimits(proxy, caller.known, {
      model: asked.model,
      clientIp: caller.address,
      origin: request.headers.origin,
      requestTags: "",
    });
    if (limits !== null) {
      const grant = await proxy.rateWindows.reserve(limits.buckets, [], oneRequest, true);
      rateHeaders = makeRateHeaders(grant.states);
      if (!grant.ok) return refuse(makeRateRefusal(grant));
      grant.settle(oneRequest);
    }
    const counted = isNativeTarget(asked.target, "count_tokens")
      ? await askProvider(proxy, asked, caller, response)
      : await countHere(asked);
    if ("code" in counted) return refuse(counted);
    if (response.destroyed) return;
    respondAnswer(proxy.answers, response, counted.status, "application/json", counted.body, {
      requestId: caller.requestId,
      corsOrigin: caller.corsOrigin,
      rateHeaders,
      overheadMs: 0,
      costNanoUsd: 0n,
      budgetRemainingNanoUsd: null,
      outputTokensMax: null,
      retryAfter: null,
    });
  } catch (error) {
    // No route behind this one would catch it.
    proxy.logger.error({ err: error }, "a count failed inside the gateway");
    refuse(makeRefusal("internal_error"));
  } finally {
    proxy.openRequests.count--;
    const durationMs = proxy.clock.monotonicMs() - startedAtMs;
    proxy.metrics.observeRequest("count_tokens", response.statusCode, "", durationMs, durationMs);
  }
}

interface Question {
  parsed: ParsedInference;
  /** The model's one name. */
  model: string;
  target: ProviderTarget;
}

/** @returns `null` where the client went away. */
async function readQuestion(
  proxy: ProxyContext,
  request: IncomingMessage,
  { known }: Caller,
): Promise<Question | Refusal | null> {
  const body = await readBody(request, proxy.config.gateway.bodyBytesMax);
  if (!Buffer.isBuffer(body)) return body;
  const parsed = parseMessages(body, request, false);
  if ("code" in parsed) return parsed;
  const model = findModel(proxy.models, parsed.model);
  if ("code" in model) return model;
  if (!isModelListed(known, model.name)) {
    return makeRefusal("model_not_allowed", `This key may not call the model \`${parsed.model}\`.`, { param: "model" });
  }
  const first = model.targets[0] as ProviderTarget;
  if (!isNativeTarget(first, "count_tokens")) return { parsed, model: model.name, target: first };
  const targets = findCallTargets(proxy, known, { targets: [first], model, credentials: parsed.credentials });
  if ("code" in targets) return targets;
  return { parsed, model: model.name, target: targets[0] as ProviderTarget };
}

async function askProvider(
  proxy: ProxyContext,
  { parsed, target }: Question,
  { known, requestId }: Caller,
  response: ServerResponse,
): Promise<Counted | Refusal> {
  const open = proxy.openCalls.open(known.key.publicId);
  try {
    const { result } = await dispatch(proxy, {
      wire: "count_tokens",
      request: { ...parsed, stream: false },
      requestId,
      targets: [target],
      publicId: known.key.publicId,
      isSticky: false,
      outputTokensMax: null,
      receiver: null,
      client: new ClientConnection(response),
      abortWhenLeft: true,
      open,
      mayGoOn: async () => true,
    });
    if (result.kind === "failed") return makeFailureRefusal(result.failure);
    if (result.kind !== "answered") return makeRefusal("upstream_error");
    const { status, body } = result;
    if (isSuccess(status)) return { status, body };
    if (!isPassedOn(status)) return makeStatusRefusal(status, body, target.credential);
    return { status, body: makePassedErrorBody(status, body, target.credential, messagesSurface.errors, requestId) };
  } finally {
    proxy.openCalls.close(open);
  }
}

/** Everything that is written in a request: its texts, the names and schemas of tools, the inputs of calls. */
function listTexts(value: unknown, texts: string[]): void {
  if (typeof value === "string") texts.push(value);
  else if (Array.isArray(value)) for (const each of value) listTexts(each, texts);
  else if (typeof value === "object" && value !== null) {
    for (const [name, inner] of Object.entries(value)) {
      if (name === "input_schema" || name === "input") texts.push(JSON.stringify(inner));
      // What a picture comes to is the provider's business, and what says how a block is to be read is no text.
      else if (name !== "source" && name !== "type" && name !== "role" && name !== "cache_control")
        listTexts(inner, texts);
    }
  }
}

async function countHere({ parsed, target }: Question): Promise<Counted | Refusal> {
  const { system, messages, tools } = parsed.json;
  const texts: string[] = [];
  for (const part of [system, messages, tools]) listTexts(part, texts);
  const tokens =
    target.type === "echo"
      ? makeTokenCount(texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0))
      : await countTexts(texts, target.upstreamModel);
  if (tokens === null) return makeRefusal("body_too_large", "The text is too long to be counted here.");
  return { status: 200, body: Buffer.from(JSON.stringify({ input_tokens: tokens })) };
}
