import { connect, type Socket } from "node:net";

/** An answer as it stood on the wire. */
export interface RawAnswer {
  status: number;
  /** Status line and headers, with their line ends, without the empty line. */
  head: string;
  /** Names as sent, and values, in order. */
  rawHeaders: [name: string, value: string][];
  body: Buffer;
}

export function findRawHeader(answer: RawAnswer, name: string): string | undefined {
  return answer.rawHeaders.find(([each]) => each.toLowerCase() === name)?.[1];
}

/** Takes whole answers off the front of the bytes. A body without a length is only whole once `closed`. */
export function parseRawAnswers(bytes: Buffer, closed: boolean): { answers: RawAnswer[]; rest: Buffer } {
  const answers: RawAnswer[] = [];
  let rest = bytes;
  for (;;) {
    const headEnd = rest.indexOf("\r\n\r\n");
    if (headEnd < 0) return { answers, rest };
    const head = rest.toString("latin1", 0, headEnd + 2);
    const [statusLine = "", ...lines] = head.split("\r\n");
    const rawHeaders = lines.filter(Boolean).map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    const status = Number(statusLine.split(" ")[1]);
    const answer: RawAnswer = { status, head, rawHeaders, body: Buffer.alloc(0) };
    const body = rest.subarray(headEnd + 4);
    const length = findRawHeader(answer, "content-length");
    let end: number;
    if (status < 200 || status === 204 || status === 304) end = 0;
    else if (findRawHeader(answer, "transfer-encoding") === "chunked") {
      const chunks = parseChunks(body);
      if (chunks === null) return { answers, rest };
      answer.body = chunks.body;
      end = chunks.end;
    } else if (length !== undefined) {
      end = Number(length);
      if (body.length < end) return { answers, rest };
      answer.body = body.subarray(0, end);
    } else {
      if (!closed) return { answers, rest };
      end = body.length;
      answer.body = body;
    }
    if (status >= 200) answers.push(answer);
    rest = body.subarray(end);
  }
}

function parseChunks(bytes: Buffer): { body: Buffer; end: number } | null {
  const pieces: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    at = lineEnd + 2;
    if (size === 0) {
      // Trailers end with an empty line.
      const last = bytes.subarray(at, at + 2).toString("latin1") === "\r\n" ? at - 2 : bytes.indexOf("\r\n\r\n", at);
      return last < 0 || bytes.length < last + 4 ? null : { body: Buffer.concat(pieces), end: last + 4 };
    }
    if (bytes.length < at + size + 2) return null;
    pieces.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
}

/** Makes a request's bytes from its lines, nothing added. Text is written as Latin-1, so that any byte can be sent. */
export function makeRawRequest(lines: readonly string[], body: Buffer | string = ""): Buffer {
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  return Buffer.concat([head, typeof body === "string" ? Buffer.from(body) : body]);
}

/** A plain POST of JSON with further header lines. */
export function makeRawPost(path: string, headerLines: readonly string[], body: Buffer | string): Buffer {
  return makeRawRequest(
    [
      `POST ${path} HTTP/1.1`,
      "Host: gateway",
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...headerLines,
    ],
    body,
  );
}

/** Sends bytes on a connection of their own and waits for one answer; `null` where the connection ended without. */
export async function sendRaw(port: number, bytes: Buffer, timeoutMs = 30_000): Promise<RawAnswer | null> {
  const connection = await openConnection(port);
  const [answer] = await connection.exchange([bytes], timeoutMs);
  connection.socket.destroy();
  return answer ?? null;
}

interface RawConnection {
  socket: Socket;
  isOpen(): boolean;
  /** Writes all requests at once; answers as many answers as came before the connection ended. */
  exchange(requests: readonly Buffer[], timeoutMs: number): Promise<RawAnswer[]>;
}

async function openConnection(port: number): Promise<RawConnection> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let closed = false;
  let received: Buffer[] = [];
  let wake: () => void = () => undefined;
  socket.on("data", (chunk) => {
    received.push(chunk);
    wake();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => {
    closed = true;
    wake();
  });
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  return {
    socket,
    isOpen: () => !closed && !socket.destroyed && !socket.readableEnded,
    exchange: (requests, timeoutMs) =>
      new Promise((resolve) => {
        const answers: RawAnswer[] = [];
        let rest: Buffer = Buffer.alloc(0);
        const finish = (): void => {
          clearTimeout(timer);
          wake = () => undefined;
          resolve(answers);
        };
        const timer = setTimeout(() => {
          socket.destroy();
          finish();
        }, timeoutMs);
        wake = () => {
          if (received.length > 0 || closed) {
            const parsed = parseRawAnswers(Buffer.concat([rest, ...received]), closed);
            received = [];
            answers.push(...parsed.answers);
            rest = parsed.rest;
          }
          if (answers.length >= requests.length || closed) finish();
        };
        socket.write(Buffer.concat(requests));
        wake();
      }),
  };
}

/** `alone`: it may end its connection or be answered out of turn, so nothing else is on the wire with it. */
export interface PipelinedRequest {
  bytes: Buffer;
  alone: boolean;
}

export interface PipelineOptions {
  connections?: number;
  /** Requests written before their answers are waited for. */
  depth?: number;
}

/**
 * Sends many requests over a few pipelined connections. A connection that the server ends is opened again, and what it
 * left unanswered is sent once more, alone.
 *
 * @param onAnswer called once for each request; `null`: twice no answer came.
 * @returns how many requests were told of.
 */
export async function sendPipelined<T extends PipelinedRequest>(
  port: number,
  requests: Iterable<T>,
  onAnswer: (request: T, answer: RawAnswer | null) => void,
  { connections = 8, depth = 32 }: PipelineOptions = {},
): Promise<number> {
  const iterator = requests[Symbol.iterator]();
  const again: { request: T; tries: number }[] = [];
  let told = 0;
  let held: T | null = null;

  const takeBatch = (): { request: T; tries: number }[] => {
    const retried = again.pop();
    if (retried !== undefined) return [retried];
    const batch: { request: T; tries: number }[] = [];
    while (batch.length < depth) {
      const step = held === null ? iterator.next() : { done: false as const, value: held };
      held = null;
      if (step.done === true) break;
      if (step.value.alone && batch.length > 0) {
        held = step.value;
        break;
      }
      batch.push({ request: step.value, tries: 0 });
      if (step.value.alone) break;
    }
    return batch;
  };

  const work = async (): Promise<void> => {
    let connection: RawConnection | null = null;
    for (let batch = takeBatch(); batch.length > 0; batch = takeBatch()) {
      if (connection === null || !connection.isOpen()) connection = await openConnection(port);
      const answers = await connection.exchange(
        batch.map(({ request }) => request.bytes),
        60_000,
      );
      if (answers.some((answer) => findRawHeader(answer, "connection") === "close")) {
        connection.socket.destroy();
        connection = null;
      }
      for (const [index, { request, tries }] of batch.entries()) {
        const answer = answers[index];
        if (answer === undefined && tries === 0) again.push({ request, tries: 1 });
        else {
          told++;
          onAnswer(request, answer ?? null);
        }
      }
    }
    connection?.socket.destroy();
  };
  await Promise.all(Array.from({ length: connections }, work));
  // A worker may have found nothing to do while another still had something to send again.
  if (again.length > 0) await work();
  return told;
}
