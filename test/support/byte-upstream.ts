import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Json } from "./scripted-answer.ts";

/** What to answer, to the byte. */
export interface ByteReply {
  status?: number;
  headers?: Readonly<Record<string, string>>;
  /** Written one by one, each in a turn of the event loop of its own. */
  pieces: readonly Buffer[];
  /** Written after {@link ByteCall.release}; without it nothing is waited for. */
  heldRest?: Buffer;
  /** `drop`: FIN in the middle; `reset`: RST a moment later, so that what was sent may have been read; `before_head`: FIN with no answer. */
  end?: "end" | "drop" | "reset" | "before_head";
}

/** One request as this upstream saw it. */
export interface ByteCall {
  requestId: string;
  json: Json;
  path: string;
  /** Resolves once all of `pieces` has left. */
  sent: Promise<void>;
  /** Lets the held rest go. */
  release(): void;
  /** Resolves to the instant (`performance.now`) at which this side was told that the call is over. */
  closed: Promise<number>;
  end: "open" | "served" | "cut" | "left";
}

export interface ByteUpstream {
  url: string;
  /** By request id, oldest first. */
  calls: Map<string, ByteCall[]>;
  countConnections(): Promise<number>;
  close(): Promise<void>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function readJson(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString()) as Json;
}

/** Resolves once the bytes have left for the kernel, or the connection is gone. */
function send(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) {
      resolve();
      return;
    }
    response.once("close", resolve);
    response.write(bytes, () => {
      response.off("close", resolve);
      resolve();
    });
  });
}

/** Opens a provider whose answers are given byte by byte: for what must hold at every offset of an answer. */
export async function openByteUpstream(answer: (json: Json, path: string) => ByteReply): Promise<ByteUpstream> {
  const calls = new Map<string, ByteCall[]>();

  const play = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const json = await readJson(request);
    const path = request.url ?? "";
    const reply = answer(json, path);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let tellSent = (): void => undefined;
    const sent = new Promise<void>((resolve) => {
      tellSent = resolve;
    });
    const closed = new Promise<number>((resolve) => response.once("close", () => resolve(performance.now())));
    const requestId = String(request.headers["x-client-request-id"]);
    const call: ByteCall = { requestId, json, path, sent, release, closed, end: "open" };
    calls.set(requestId, [...(calls.get(requestId) ?? []), call]);
    response.once("close", () => {
      release();
      if (call.end === "open") call.end = response.writableFinished ? "served" : "left";
    });

    if (reply.end !== "before_head") {
      response.writeHead(reply.status ?? 200, { "content-type": "text/event-stream", ...reply.headers });
      response.flushHeaders();
      for (const piece of reply.pieces) {
        await send(response, piece);
        await turn();
      }
    }
    tellSent();
    if (reply.heldRest !== undefined) {
      await released;
      if (response.destroyed) return;
      await send(response, reply.heldRest);
    }
    if (reply.end === undefined || reply.end === "end") {
      response.end();
      return;
    }
    if (response.destroyed) return;
    call.end = "cut";
    if (reply.end === "reset") {
      await new Promise((resolve) => setTimeout(resolve, 1));
      response.socket?.resetAndDestroy();
    }
    response.socket?.destroy();
  };

  const server = createServer((request, response) => {
    play(request, response).catch(() => response.destroy());
  });
  server.on("connection", (socket) => socket.on("error", () => undefined));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
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
