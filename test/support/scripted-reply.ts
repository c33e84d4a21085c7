import type { ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { Json, ScriptedAnswer } from "./scripted-answer.ts";
import type { ScriptedBehaviour } from "./scripted-behaviour.ts";
import type { BodyEnd, ScriptedBody } from "./scripted-body.ts";
import { listScriptedFrames, makeScriptedBody } from "./scripted-frames.ts";
import type { UpstreamCallRecord } from "./scripted-upstream.ts";

export interface ScriptedReply {
  /** Written as the answer goes out. */
  call: UpstreamCallRecord;
  json: Json;
  behaviour: ScriptedBehaviour;
  answer: ScriptedAnswer;
  response: ServerResponse;
  out: ScriptedBody;
}

const bombBytes = 10 * 1024 * 1024;
const hugePiece = Buffer.alloc(64 * 1024, 0x20);

/** What providers send and a gateway's client must not see. */
const identityHeaders: Readonly<Record<string, string | string[]>> = {
  "set-cookie": ["session=abc; Path=/", "__cf_bm=def"],
  "openai-organization": "org-secret",
  "openai-project": "proj_secret",
  "openai-version": "2020-10-01",
  "x-request-id": "req_of_the_provider",
  "x-ratelimit-remaining-requests": "4999",
  "cf-ray": "8c0ffee",
  server: "cloudflare",
  via: "1.1 provider",
};

function writeHead(reply: ScriptedReply, status: number, contentType: string, more: object = {}): void {
  const { call, behaviour, response } = reply;
  call.status = status;
  response.writeHead(status, {
    "content-type": contentType,
    ...(behaviour.identityHeaders ? identityHeaders : {}),
    ...(behaviour.retryAfter === null ? {} : { "retry-after": behaviour.retryAfter }),
    ...more,
  });
  response.flushHeaders();
}

function makeErrorText(status: number): string {
  const type = status === 429 ? "rate_limit_exceeded" : status < 500 ? "invalid_request_error" : "server_error";
  const error = { message: `Scripted failure with status ${status}.`, type, param: null, code: type };
  return JSON.stringify({ error });
}

async function sendBomb(reply: ScriptedReply): Promise<BodyEnd> {
  const { behaviour, out } = reply;
  if (behaviour.bomb === "headers") {
    const many = Object.fromEntries(Array.from({ length: 640 }, (_, i) => [`x-filler-${i}`, "f".repeat(90)]));
    writeHead(reply, 200, "application/json", many);
    await out.write(Buffer.from("{}"));
    return out.end();
  }
  if (behaviour.bomb === "huge") {
    writeHead(reply, 200, "application/json");
    while (await out.write(hugePiece));
    return out.end();
  }
  const encoding = behaviour.bomb === "stacked" ? Array<string>(100).fill("gzip").join(", ") : "gzip";
  writeHead(reply, 200, "application/json", { "content-encoding": encoding });
  await out.write(gzipSync(Buffer.alloc(bombBytes, 0x20)));
  return out.end();
}

async function sendStream(reply: ScriptedReply): Promise<BodyEnd> {
  const { call, json, behaviour, answer, out } = reply;
  const options = json.stream_options as Json | undefined;
  writeHead(reply, 200, "text/event-stream; charset=utf-8");
  const startedMs = performance.now();
  for (const frame of listScriptedFrames(answer, behaviour, options?.include_usage === true)) {
    if (behaviour.tokensPerSecond > 0) {
      const dueMs = startedMs + (frame.completionTokens * 1_000) / behaviour.tokensPerSecond;
      if (dueMs > performance.now()) await wait(dueMs - performance.now());
    }
    if (!(await out.write(Buffer.from(frame.text)))) break;
    call.completionTokens = frame.completionTokens;
  }
  return out.end();
}

async function sendJson(reply: ScriptedReply): Promise<BodyEnd> {
  const { call, json, behaviour, answer, out } = reply;
  if (behaviour.tokensPerSecond > 0) await wait((answer.pieces.length * 1_000) / behaviour.tokensPerSecond);
  const body = Buffer.from(makeScriptedBody(answer, behaviour, json));
  writeHead(reply, 200, "application/json", { "content-length": body.length });
  if (await out.write(body)) call.completionTokens = answer.pieces.length;
  return out.end();
}

/** Answers one request as its behaviour says, and tells how that ended. */
export async function handleScripted(reply: ScriptedReply): Promise<BodyEnd> {
  const { behaviour, response, out, call } = reply;
  if (behaviour.firstTokenMs > 0) await wait(behaviour.firstTokenMs);
  if (response.destroyed) return "left";
  if (behaviour.garbage) {
    response.socket?.end("HELO this is not HTTP\r\n\r\n");
    return "dropped";
  }
  // At byte 0 the cut comes before the head.
  if ((behaviour.dropAtByte ?? behaviour.resetAtByte ?? behaviour.stallAtByte) === 0) {
    await out.write(Buffer.alloc(0));
    return out.end();
  }
  if (behaviour.redirectTo !== null) {
    writeHead(reply, 307, "text/plain", { location: behaviour.redirectTo });
    return out.end();
  }
  if (behaviour.status !== 0) {
    writeHead(reply, behaviour.status, "application/json");
    await out.write(Buffer.from(makeErrorText(behaviour.status)));
    return out.end();
  }
  if (behaviour.bomb !== null) return sendBomb(reply);
  return call.stream && reply.answer.kind !== "embeddings" ? sendStream(reply) : sendJson(reply);
}
