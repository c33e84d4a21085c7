/**
 * The streaming upstream, a child process: raw TCP, prebuilt buffers, one HTTP chunk per event, four writes per stream.
 * It listens on two ports: one streams as fast as the reader takes it, the other sends an event every two seconds until
 * the parent says "finish". Node and not nginx, because nginx cannot pace; it costs about a third of the bare proxy.
 */
import { createServer, type Server, type Socket } from "node:net";
import { chatEvents } from "./chat.ts";

export interface StreamServerReady {
  readonly fastPort: number;
  readonly slowPort: number;
}

const responseHead = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n",
);
const writesPerStream = 4;
const slowEventMs = 2_000;
const slowBatches = 20;

const answers = { withUsage: answer(true), without: answer(false) };
type Answer = ReturnType<typeof answer>;

function answer(withUsage: boolean) {
  const chunks = chatEvents(withUsage).map((event) =>
    Buffer.from(`${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`),
  );
  const end = Buffer.from("0\r\n\r\n");
  const perWrite = Math.ceil(chunks.length / writesPerStream);
  const writes = Array.from({ length: writesPerStream }, (_, index) =>
    Buffer.concat([
      ...(index === 0 ? [responseHead] : []),
      ...chunks.slice(index * perWrite, (index + 1) * perWrite),
      ...(index === writesPerStream - 1 ? [end] : []),
    ]),
  );
  const first = chunks[0] ?? end;
  return {
    writes,
    slowFirst: Buffer.concat([responseHead, first]),
    slowNext: chunks[1] ?? end,
    slowLast: Buffer.concat([...chunks.slice(2), end]),
  };
}

/** Calls `onRequest` once per complete request; bodies have a content-length or are chunked. */
function serve(onRequest: (socket: Socket, answer: Answer) => void): Server {
  return createServer({ noDelay: true }, (socket) => {
    let pending = "";
    socket.setEncoding("latin1");
    socket.on("error", () => socket.destroy());
    socket.on("data", (text: string) => {
      pending += text;
      for (let end = requestEnd(pending); end > 0; end = requestEnd(pending)) {
        const request = pending.slice(0, end);
        pending = pending.slice(end);
        onRequest(socket, request.includes('"include_usage":true') ? answers.withUsage : answers.without);
      }
    });
  });
}

/** Where the first request of the text ends, or 0 while it is not complete. */
function requestEnd(text: string): number {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return 0;
  const head = text.slice(0, headEnd);
  const bodyStart = headEnd + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const end = bodyStart + Number(length);
    return text.length >= end ? end : 0;
  }
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return bodyStart;
  const last = text.indexOf("0\r\n\r\n", bodyStart);
  return last < 0 ? 0 : last + 5;
}

const fast = serve((socket, { writes }) => {
  let index = 0;
  const next = () => {
    const chunk = writes[index++];
    if (chunk === undefined || socket.destroyed) return;
    socket.write(chunk);
    if (index < writes.length) setImmediate(next);
  };
  next();
});

interface SlowStream {
  readonly socket: Socket;
  readonly answer: Answer;
}
const slowStreams: Set<SlowStream>[] = Array.from({ length: slowBatches }, () => new Set());
let opened = 0;

const slow = serve((socket, answer) => {
  const stream = { socket, answer };
  const batch = slowStreams[opened++ % slowBatches];
  batch?.add(stream);
  socket.once("close", () => batch?.delete(stream));
  socket.write(answer.slowFirst);
});

// The streams take turns, so that the reader is never woken by all of them in one instant.
let turn = 0;
setInterval(() => {
  for (const { socket, answer } of slowStreams[turn++ % slowBatches] ?? []) socket.write(answer.slowNext);
}, slowEventMs / slowBatches);

process.on("message", (message) => {
  if (message !== "finish") return;
  for (const batch of slowStreams) {
    for (const { socket, answer } of batch) socket.write(answer.slowLast);
    batch.clear();
  }
});
process.on("disconnect", () => process.exit(0));

fast.listen(0, "127.0.0.1", 4_096, () => {
  slow.listen(0, "127.0.0.1", 4_096, () => {
    const ready: StreamServerReady = { fastPort: portOf(fast), slowPort: portOf(slow) };
    process.send?.(ready);
  });
});

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}
