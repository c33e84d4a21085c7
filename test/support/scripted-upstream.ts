import { appendFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Json, makeScriptedAnswer } from "./scripted-answer.ts";
import { parseDirective, plainBehaviour, type ScriptedBehaviour } from "./scripted-behaviour.ts";
import { type BodyEnd, openScriptedBody } from "./scripted-body.ts";
import { handleScripted } from "./scripted-reply.ts";

/** One request as the upstream saw it: the ground truth that a gateway's ledger is compared with. */
export interface UpstreamCallRecord {
  /** 1 for the first request of this upstream. */
  call: number;
  /** 1 for the first connection. */
  connection: number;
  requestId: string | null;
  path: string;
  model: string;
  stream: boolean;
  /** As received, names and values in turn, nothing folded. */
  rawHeaders: string[];
  body: string;
  /** -1 until a head was sent. */
  status: number;
  promptTokens: number;
  /** What was really written, also when the answer was cut. */
  completionTokens: number;
  bytesOut: number;
  /** `open` while it is being answered; `left`: the client closed first. */
  end: "open" | BodyEnd;
}

type Script = Partial<ScriptedBehaviour>;
type Matcher = string | ((json: Json, path: string) => boolean);

export interface ScriptedUpstream {
  /** Scheme, host and port. */
  url: string;
  port: number;
  log: UpstreamCallRecord[];
  /** With one argument: the next request alone. With a matcher (a model's name or a test): every request that fits. */
  script(behaviour: Script): void;
  script(matcher: Matcher, behaviour: Script): void;
  /** Connections that are open now. */
  countConnections(): Promise<number>;
  close(): Promise<void>;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function parseJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return {};
  }
}

/** A directive in the model's name, or in `metadata.script` where the name must stay. */
function findDirective(json: Json): string {
  const metadata = json.metadata as Json | undefined;
  return `${json.model ?? ""}+${metadata?.script ?? ""}`;
}

/**
 * Opens a real HTTP server that stands for an OpenAI-shaped provider: `/v1/chat/completions`, `/v1/completions`,
 * `/v1/embeddings` under any base path. Answers follow from the request and a seed alone. Later scripts win over
 * earlier ones, and every script over the directive of {@link parseDirective}.
 *
 * @param options `logFile` gets one JSON line per request received (`event: "dispatch"`) and one when it has ended
 *   (`event: "completion"`), written at once, so that it survives a kill of this process.
 */
export async function openScriptedUpstream(
  options: { port?: number; logFile?: string } = {},
): Promise<ScriptedUpstream> {
  const log: UpstreamCallRecord[] = [];
  const next: Script[] = [];
  const matching: { matcher: Matcher; behaviour: Script }[] = [];
  const connections = new WeakMap<object, number>();
  let connectionCount = 0;

  const record = (event: "dispatch" | "completion", call: UpstreamCallRecord): void => {
    if (options.logFile !== undefined) appendFileSync(options.logFile, `${JSON.stringify({ event, ...call })}\n`);
  };

  const findBehaviour = (json: Json, path: string): ScriptedBehaviour => {
    const behaviour = { ...plainBehaviour, ...parseDirective(findDirective(json)) };
    for (const { matcher, behaviour: script } of matching) {
      if (typeof matcher === "string" ? json.model === matcher : matcher(json, path)) Object.assign(behaviour, script);
    }
    return Object.assign(behaviour, next.shift());
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? "";
    const body = await readBody(request);
    const json = parseJson(body);
    const behaviour = findBehaviour(json, path);
    const requestId = request.headers["x-client-request-id"];
    const answer = makeScriptedAnswer(path, json, behaviour);
    const call: UpstreamCallRecord = {
      call: log.length + 1,
      connection: connections.get(request.socket) ?? 0,
      requestId: typeof requestId === "string" ? requestId : null,
      path,
      model: answer.model,
      stream: json.stream === true,
      rawHeaders: request.rawHeaders,
      body,
      status: -1,
      promptTokens: answer.promptTokens,
      completionTokens: 0,
      bytesOut: 0,
      end: "open",
    };
    log.push(call);
    record("dispatch", call);
    const out = openScriptedBody(response, behaviour, (bytes) => {
      call.bytesOut += bytes;
    });
    call.end = await handleScripted({ call, json, behaviour, answer, response, out });
    record("completion", call);
  };

  const server = createServer((request, response) => {
    // A client that leaves while its request is being read is no dispatch.
    handle(request, response).catch(() => response.destroy());
  });
  server.on("connection", (socket) => {
    connections.set(socket, ++connectionCount);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    log,
    script(first: Script | Matcher, behaviour?: Script) {
      if (behaviour === undefined) next.push(first as Script);
      else matching.push({ matcher: first as Matcher, behaviour });
    },
    countConnections: () =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      ),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
